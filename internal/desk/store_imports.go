package desk

const sqlImportID = `select nextval(pg_get_serial_sequence('register_import', 'id'))`

const sqlAddImport = `
insert into register_import (id, establishment_id, file_hash, file_sealed, staff_id, role, created_at)
values ($1, $2, $3, $4, $5, $6, $7) on conflict (establishment_id, file_hash) do nothing`

const sqlImportOfFile = `select id from register_import where establishment_id = $1 and file_hash = $2`

const importColumns = `
select i.id, i.establishment_id, i.created_at, s.name, i.done, i.total, i.accepted, i.known, i.old, i.refused, i.refusals, i.failure,
    i.finished_at
from register_import i join staff s on s.id = i.staff_id`

const sqlImport = importColumns + ` where i.id = $1`

const sqlImportsOfHouse = importColumns + ` where i.establishment_id = $1 order by i.id desc limit 20`

// One at a time and in order; what a stopped process left is taken up when its lease is over.
const sqlClaimImport = `
update register_import i set lease_until = $2, tries = i.tries + 1
from establishment e
where e.id = i.establishment_id and i.id = (
    select id from register_import where finished_at is null and coalesce(lease_until <= $1, true) order by id limit 1 for update skip locked)
returning i.id, i.establishment_id, e.code, e.country, i.file_sealed, i.staff_id, i.role, i.tries`

const sqlImportProgress = `update register_import set done = $2, total = $3, lease_until = $4 where id = $1 and finished_at is null`

const sqlLeaveImport = `update register_import set lease_until = null, tries = tries - 1 where id = $1 and finished_at is null`

const sqlFinishImport = `
update register_import set finished_at = $2, lease_until = null, file_sealed = null, failure = $3, done = total, accepted = $4, known = $5,
    old = $6, refused = $7, refusals = $8
where id = $1 and finished_at is null`
