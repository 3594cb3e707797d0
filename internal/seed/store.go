package seed

const sqlEstablishment = `
insert into establishment (code, country, name_ar, name_fr, short_name, short_name_ar, phone, tz, week_start)
select $1, $2, $3, $4, $5, $6, $7, c.tz, c.week_start from country c where c.code = $2
on conflict (code) do nothing`

const sqlPhases = `
insert into establishment_phase (establishment_id, service, phase, since)
select e.id, s, $3, $4 from establishment e, unnest($2::text[]) as s where e.code = $1
on conflict do nothing`

const sqlAuthority = `
insert into authority (id, kind, country, name_ar, name_fr, establishment_id, parent_id)
values ($1, $2, $3, $4, $5, (select id from establishment where code = $6), nullif($7::bigint, 0))
on conflict (id) do nothing`

const sqlAuthorityNumbers = `
select setval(pg_get_serial_sequence('authority', 'id'), greatest((select max(id) from authority), 1))`

const sqlJurisdiction = `
insert into authority_jurisdiction (establishment_id, kind, authority_id)
select e.id, $2, $1 from establishment e where e.code = any ($3::text[])
on conflict do nothing`

const sqlTemplate = `
insert into session_template (establishment_id, room, kind, weekday, starts, ends, valid_from, capacity_groups, capacity_heads)
select e.id, $2, $3, $4, $5::time, $6::time, $9::timestamptz::date, $7, $8 from establishment e where e.code = $1
  and not exists (select from session_template t where t.establishment_id = e.id and t.room = $2 and t.weekday = $4 and t.starts = $5::time)`

const sqlInfo = `
insert into establishment_info (establishment_id, topic, lang, body)
select e.id, $2, t.lang, t.body from establishment e, unnest($3::text[], $4::text[]) as t(lang, body) where e.code = $1
on conflict do nothing`

const sqlHouses = `select code, id, name_fr from establishment order by id`
