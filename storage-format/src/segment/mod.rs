//! Files of chunks: sealed head segments, and the chunks of blocks.

pub mod body;
mod chunk_list;
pub mod columns;
pub mod directory;
mod directory_v1;
pub mod directory_writer;
pub mod groups;
pub mod plans;
pub mod reader;
pub mod summary;
pub mod writer;

pub use body::{Chunk, ChunkDecoder, ChunkInput, InputTimes, InputValues};
pub use chunk_list::ChunkList;
pub use columns::Columns;
pub use directory::{Directory, Neighbours};
pub use directory_writer::DirectoryWriter;
pub use groups::Groups;
pub use plans::{ChunkKind, ChunkShape, ChunkTimes, Plans};
pub use reader::{ChunksFile, GroupCache};
pub use summary::{GroupMetadata, Summary};
pub use writer::{CHUNKS, ChunksWriter, SEGMENT};
