//! The tables, and how older ones become those of now.

use aws_lc_rs::rand;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, query, query_scalar, raw_sql};

use super::connect::Dialect;

/// Every change to the tables, in order; what was released is never altered.
pub(super) const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];

/// A number of our own among advisory locks of PostgreSQL.
const LOCK: i64 = 0x0070_616c_6973_6164;

/// How the tables of a database stand to those that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There are none.
    Missing,
    /// They are of an older version.
    Older,
    /// They are those of now.
    Current,
    /// They are of a newer version.
    Newer,
}

/// How the tables of a database stand.
pub(super) async fn standing(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrations: &[&'static str],
) -> Result<Standing, sqlx::Error> {
    let version = schema_version(connection, dialect).await?;
    Ok(match usize::try_from(version).unwrap_or_default() {
        0 => Standing::Missing,
        version if version < migrations.len() => Standing::Older,
        version if version > migrations.len() => Standing::Newer,
        _ => Standing::Current,
    })
}

/// Makes the tables, or brings them up to date, in one transaction. Several who do so at once wait for each other.
pub(super) async fn migrate(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrations: &[&'static str],
) -> Result<(), sqlx::Error> {
    let mut change = connection.begin_with(dialect.begin_change()).await?;
    if dialect == Dialect::Postgres {
        query("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *change)
            .await?;
    }
    let version = schema_version(&mut change, dialect).await?;
    let done = usize::try_from(version).unwrap_or_default();
    for (position, migration) in migrations.iter().enumerate().skip(done) {
        raw_sql(AssertSqlSafe(translated(migration, dialect)))
            .execute(&mut *change)
            .await?;
        if position == 0 {
            insert_row(&mut change).await?;
        }
    }
    if done < migrations.len() {
        query("UPDATE palisade_directory SET schema_version = $1, version = version + 1")
            .bind(i64::try_from(migrations.len()).unwrap_or_default())
            .execute(&mut *change)
            .await?;
    }
    change.commit().await
}

/// The number of migrations that were done.
async fn schema_version(connection: &mut AnyConnection, dialect: Dialect) -> Result<i64, sqlx::Error> {
    let count = match dialect {
        Dialect::Sqlite => {
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'palisade_directory'"
        }
        Dialect::Postgres => "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('palisade_directory')",
    };
    let count: i64 = query_scalar(count).fetch_one(&mut *connection).await?;
    if count == 0 {
        return Ok(0);
    }
    query_scalar("SELECT schema_version FROM palisade_directory")
        .fetch_one(connection)
        .await
}

async fn insert_row(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).map_err(|_| sqlx::Error::InvalidArgument("no randomness".to_owned()))?;
    query("INSERT INTO palisade_directory (id, schema_version, version, mark_salt) VALUES (1, 0, 0, $1)")
        .bind(salt.as_slice())
        .execute(connection)
        .await
        .map(drop)
}

/// PostgreSQL's words are those of the files.
fn translated(sql: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => sql.replace("BYTEA", "BLOB"),
        Dialect::Postgres => sql.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::{Opening, SqlDirectory, SqlError};
    use super::{MIGRATIONS, Standing};
    use crate::source::DirectorySource;
    use crate::sql::connect::Place;

    /// The tables of now, and what a later version might make of them.
    const LATER: [&str; 2] = [MIGRATIONS[0], "ALTER TABLE palisade_users ADD COLUMN note TEXT"];

    async fn open(folder: &TempDir, opening: Opening) -> (SqlDirectory, Standing) {
        let place = Place::of(&DirectorySource::Sqlite("d.db".into()), folder.path()).unwrap();
        place.make().unwrap();
        SqlDirectory::connect(&place, opening, &LATER).await.unwrap()
    }

    async fn standing(folder: &TempDir) -> Standing {
        let (directory, standing) = open(folder, Opening::Read).await;
        directory.close().await;
        standing
    }

    #[tokio::test]
    async fn whoever_looks_leaves_older_tables_as_they_are_and_whoever_changes_updates_them() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(standing(&folder).await, Standing::Missing);
        let source = DirectorySource::Sqlite("d.db".into());
        let directory = SqlDirectory::open(&source, folder.path()).await.unwrap();
        let version = directory.version().await.unwrap();
        directory.close().await;

        let (directory, found) = open(&folder, Opening::Read).await;
        assert_eq!(found, Standing::Older);
        // What is there already can be read; what is not, is said to be of an older version.
        assert_eq!(directory.snapshot().await.unwrap().version(), version);
        let note = sqlx::query("SELECT note FROM palisade_users")
            .fetch_all(&directory.pool)
            .await;
        let error = directory.failed(&note.err().unwrap());
        assert!(
            matches!(error, SqlError::Older { .. }) && error.to_string().contains("no such column"),
            "{error}"
        );
        directory.close().await;
        assert_eq!(standing(&folder).await, Standing::Older);

        let (directory, _) = open(&folder, Opening::Update).await;
        assert_eq!(directory.version().await.unwrap(), version + 1);
        sqlx::query("SELECT note FROM palisade_users")
            .fetch_all(&directory.pool)
            .await
            .unwrap();
        directory.close().await;
        assert_eq!(standing(&folder).await, Standing::Current);
    }
}
