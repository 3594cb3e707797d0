package desk

const memberColumns = `
select t.id, t.login, t.name, t.active, t.locked_until,
    (select max(s.seen_at) from staff_session s where s.staff_id = t.id),
    (select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'role', g.role, 'where', coalesce(e.name_fr, a.name_fr, ''),
            'where_ar', coalesce(e.name_ar, a.name_ar, ''), 'from', g.valid_from, 'to', g.valid_to, 'trained', g.trained_on) order by g.id), '[]')
        from staff_grant g left join establishment e on e.id = g.establishment_id left join authority a on a.id = g.authority_id
        where g.staff_id = t.id)
from staff t`

const sqlMembers = memberColumns + ` order by t.login limit 1000`

const sqlMember = memberColumns + ` where t.id = $1`

const sqlNextStaff = `select nextval(pg_get_serial_sequence('staff', 'id'))`

const sqlAddStaff = `
insert into staff (id, login, name, lang, password_hash, totp_sealed, created_at) values ($1, $2, $3, $4, $5, $6, $7)`

const sqlAddGrant = `
insert into staff_grant (staff_id, role, authority_id, establishment_id, valid_from, valid_to, trained_on)
values ($1, $2, $3, $4, $5, $6, $7)`

// A grant not begun is taken away, one in force ends now.
const sqlEndGrant = `
with gone as (
    delete from staff_grant where id = $1 and staff_id = $2 and valid_from >= $3 returning id
), ended as (
    update staff_grant set valid_to = $3
    where id = $1 and staff_id = $2 and valid_from < $3 and coalesce(valid_to > $3, true) returning id
)
select (select count(*) from gone) + (select count(*) from ended)`

const sqlTrained = `update staff_grant set trained_on = $3 where id = $1 and staff_id = $2 and trained_on is null`

// New keys end every session that the old ones opened.
const sqlReissue = `
with s as (
    update staff_session set ended_at = $4 where staff_id = $1 and ended_at is null
)
update staff set password_hash = $2, totp_sealed = $3, totp_step = 0, wrong = 0, locked_until = null, version = version + 1
where id = $1 returning login`

const sqlPosts = `
select id, name_fr, name_ar, tz from (
    select a.id, a.name_fr, a.name_ar, coalesce(e.tz, c.tz) as tz, a.country
    from authority a join country c on c.code = a.country left join establishment e on e.id = a.establishment_id
    where $1::text = 'authority' and a.active
    union all
    select e.id, e.name_fr, e.name_ar, e.tz, e.country from establishment e
    where $1::text in ('clerk', 'establishment', 'gate') and e.active
) p
order by country, name_fr limit 1000`

const sqlUnlock = `update staff set wrong = 0, locked_until = null where id = $1`

const sqlActivate = `update staff set active = true, version = version + 1 where id = $1`

const sqlShut = `
with s as (
    update staff_session set ended_at = $2 where staff_id = $1 and ended_at is null
)
update staff set active = false, version = version + 1 where id = $1`
