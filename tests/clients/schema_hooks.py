"""Lets schemathesis send bodies that are no text."""

import schemathesis


@schemathesis.serializer("application/x-protobuf")
def protobuf(_, value):
    return value if isinstance(value, bytes) else str(value).encode()
