package establishment

const detaineeColumns = `id, country, detention_no_sealed, name_latin_sealed, name_ar_sealed, birth_date, establishment_id, sector,
    category, legal_status, status_since, minor, contact_ban_until, separated_only, sanction_until, present, away_from, away_until,
    state_at, version`

const sqlDetainee = `select ` + detaineeColumns + ` from detainee where id = $1`

// A number decides alone, though a birth date given with it must agree; without one, birth date and name do. Strict wants
// every word of the name, else any will do.
const sqlCandidates = `
select ` + detaineeColumns + ` from detainee
where country = $1 and present
  and ($2::bytea is null or detention_no_index = $2)
  and ($3::date is null or birth_date = $3)
  and ($2::bytea is not null or case when $6 then name_keys @> $4::bytea[] else coalesce(name_keys && $4::bytea[], true) end)
  and ($2::bytea is not null or $5 = 0 or establishment_id = $5)
order by id limit $7`

const sqlKnownEvents = `select source_key from detainee_movement where source_key = any($1)`

const sqlPlaces = `select id, code, tz from establishment where country = $1`

// People not yet in the register have no row to lock: imports of a country take turns. Those who refer to the country go on.
const sqlOneAtATime = `select 1 from country where code = $1 for no key update`

const sqlZone = `select tz from country where code = $1`

const sqlLockDetainees = `
select id, detention_no_index, birth_date, establishment_id, sector, category, legal_status, status_since, minor,
    contact_ban_until, separated_only, sanction_until, present, away_from, away_until, state_at
from detainee where country = $1 and detention_no_index = any($2) order by id for update`

const sqlDetaineeIDs = `select nextval(pg_get_serial_sequence('detainee', 'id')) from generate_series(1, $1)`

// A name that comes again replaces the one before; a number never changes.
const sqlSaveDetainee = `
insert into detainee (id, country, detention_no_sealed, detention_no_index, name_latin_sealed, name_ar_sealed, name_keys,
    birth_date, sex, establishment_id, sector, category, legal_status, status_since, minor, contact_ban_until, separated_only,
    sanction_until, present, away_from, away_until, state_at)
values ($1, $2, $3, $4, $5, $6, coalesce($7, '{}'::bytea[]), $8, nullif($9, ''), $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
on conflict (id) do update set
    name_latin_sealed = coalesce(excluded.name_latin_sealed, detainee.name_latin_sealed),
    name_ar_sealed = coalesce(excluded.name_ar_sealed, detainee.name_ar_sealed),
    name_keys = case when excluded.name_keys = '{}' then detainee.name_keys else excluded.name_keys end,
    birth_date = excluded.birth_date, sex = coalesce(excluded.sex, detainee.sex),
    establishment_id = excluded.establishment_id, sector = excluded.sector, category = excluded.category,
    legal_status = excluded.legal_status, status_since = excluded.status_since, minor = excluded.minor,
    contact_ban_until = excluded.contact_ban_until, separated_only = excluded.separated_only,
    sanction_until = excluded.sanction_until, present = excluded.present, away_from = excluded.away_from,
    away_until = excluded.away_until, state_at = excluded.state_at, version = detainee.version + 1`

const sqlSaveMovement = `
insert into detainee_movement (detainee_id, kind, at, until, from_establishment_id, to_establishment_id, legal_status, source,
    source_key, applied, recorded_at)
values ($1, $2, $3, $4, $5, $6, nullif($7, ''), $8, $9, $10, $11)`
