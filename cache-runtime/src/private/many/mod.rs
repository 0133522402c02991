//! Functions of many keys, `each(id in ids)`: one call looks for the entries of many ids, and its body loads
//! those that are missing.

mod batch;
mod ids;
mod item;
mod kind;

pub use batch::{Batch, BatchBegin, refresh_many, refuse_requests};
pub use ids::{
    CopiedArgument, CopiedId, IdList, IdType, again, each, id, id_type, lent, owned_ids, places,
};
pub use item::{
    AskedAbsent, AskedOptional, ProbeAbsent, ProbeNoOption, ProbeOption, ProbePresent, absent_of,
    item, optional,
};
pub use kind::{Many, by_id, many};
