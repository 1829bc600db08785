//! Accounts.

use super::beans;

beans! {
    /// One account of the access control file. Code 50 carries its parts as header fields.
    #[doc(alias = "PlainAccessConfig")]
    AccessAccount {
        /// Name.
        access_key: Option<String>,
        /// May do everything.
        admin: bool,
        /// Permission for groups not listed.
        default_group_perm: Option<String>,
        /// Permission for topics not listed.
        default_topic_perm: Option<String>,
        /// `group=permission` entries.
        group_perms: Vec<String>,
        /// Key of the signatures.
        secret_key: Option<String>,
        /// `topic=permission` entries.
        topic_perms: Vec<String>,
        /// Addresses that need no signature.
        white_remote_address: Option<String>,
    }
}
