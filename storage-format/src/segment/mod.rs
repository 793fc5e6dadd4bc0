//! Files of chunks: sealed head segments, and the chunks of blocks.

pub mod body;
pub mod columns;
pub mod directory;
pub mod groups;
pub mod plans;
pub mod reader;
pub mod summary;
pub mod writer;

pub use body::{Chunk, ChunkDecoder, ChunkInput, InputTimes, InputValues};
pub use columns::Columns;
pub use directory::{ChunkList, Directory, DirectoryWriter, Neighbours};
pub use groups::Groups;
pub use plans::{ChunkKind, ChunkShape, ChunkTimes, Plans};
pub use reader::{ChunksFile, GroupCache};
pub use summary::{GroupMetadata, Summary};
pub use writer::{CHUNKS, ChunksWriter, SEGMENT};
