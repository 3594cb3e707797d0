package desk

// $3 tries are free; from then on each one locks for $4, twice as long each time, $5 at most. A locked account is only read.
const sqlChargeTry = `
with a as (
    select id, password_hash, totp_sealed, totp_step, wrong, locked_until from staff where login = $1 and active for update
), t as (
    update staff set wrong = staff.wrong + 1,
        locked_until = case when staff.wrong + 1 >= $3
            then $2::timestamptz + least($5::interval, $4::interval * power(2, least(staff.wrong + 1 - $3, 20))) end
    from a where staff.id = a.id and (a.locked_until is null or a.locked_until <= $2)
    returning staff.id, staff.wrong, staff.locked_until
)
select a.id, a.password_hash, a.totp_sealed, a.totp_step, coalesce(t.wrong, a.wrong),
    case when t.id is null then a.locked_until else t.locked_until end, t.id is not null
from a left join t on t.id = a.id`

const sqlTakeStep = `
update staff set totp_step = $2, wrong = 0, locked_until = null where id = $1 and totp_step < $2`

const sqlOpenSession = `
insert into staff_session (token_hash, staff_id, role, created_at, seen_at) values ($1, $2, $3, $4, $4)`

const sqlResume = `
with s as (
    select s.token_hash, s.staff_id, s.role, t.login, t.name, t.lang
    from staff_session s join staff t on t.id = s.staff_id and t.active
    where s.token_hash = $1 and s.ended_at is null and s.seen_at > $2 and s.created_at > $3
), u as (
    update staff_session x set seen_at = $4 from s where x.token_hash = s.token_hash and $4::timestamptz is not null
)
select staff_id, login, name, lang, role from s`

// A role opens with the day of its training. The order is that of the menu.
const sqlGrantsInForce = `
select g.role, g.authority_id, g.establishment_id, coalesce(e.country, a.country), coalesce(e.tz, ae.tz, c.tz)
from staff_grant g
left join establishment e on e.id = g.establishment_id
left join authority a on a.id = g.authority_id
left join establishment ae on ae.id = a.establishment_id
left join country c on c.code = a.country
where g.staff_id = $1 and g.valid_from <= $2 and coalesce(g.valid_to > $2, true) and g.trained_on <= $2
order by array_position(array['authority', 'clerk', 'establishment', 'gate', 'admin', 'auditor'], g.role), g.id limit 200`

const sqlEndSession = `update staff_session set ended_at = $2 where token_hash = $1 and ended_at is null`

const sqlPutOn = `update staff_session set role = $2 where token_hash = $1`

const sqlSetLang = `update staff set lang = $2 where id = $1`
