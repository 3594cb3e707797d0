package visit

// By the calendar of the house, else of the country.
const shutDay = `
    coalesce((select d.kind in ('closed', 'holiday') from calendar_day d
        where d.day = o.day and d.country = e.country and coalesce(d.establishment_id = e.id, true)
        order by d.establishment_id nulls last limit 1), false)`

const occurrenceColumns = `
select o.id, o.establishment_id, o.day, lower(o.period), upper(o.period), t.room, o.kind, o.capacity_groups, o.held, o.booked,
    o.capacity_heads, o.heads, o.closed_at is not null, coalesce(o.close_reason, ''), ` + shutDay + `, o.version
from occurrence o
join session_template t on t.id = o.template_id
join establishment e on e.id = o.establishment_id`

const sqlTimetable = occurrenceColumns + `
where o.establishment_id = $1 and o.day between $2 and $3
order by o.day, lower(o.period), t.room limit 1000`

const sqlNextSession = `
select o.day from occurrence o join establishment e on e.id = o.establishment_id
where o.establishment_id = $1 and o.day >= $2 and upper(o.period) > $3 and o.closed_at is null and not ` + shutDay + `
order by o.day limit 1`

const sqlOccurrence = occurrenceColumns + ` where o.id = $1`

const sqlHouseOfOccurrence = `select establishment_id from occurrence where id = $1`

const sqlPools = `
select pool, places, used, release_on from occurrence_pool where occurrence_id = $1 order by pool <> 'public', pool limit 20`

const listedColumns = `select ` + visitColumns + `, t.room,
    exists (select 1 from visit_flag f where f.visit_id = v.id and f.resolved is null) as flagged, c.due_at as answer_by,
    (select coalesce(jsonb_agg(jsonb_build_object('visitor', g.visitor_id, 'lead', g.lead, 'age', g.age,
            'attendance', g.attendance, 'permit', pc.ref) order by not g.lead, g.visitor_id), '[]')
        from visit_visitor g join case_file pc on pc.id = g.permit_id where g.visit_id = v.id) as guests
from visit v
join case_file c on c.id = v.id
join occurrence o on o.id = v.occurrence_id
join session_template t on t.id = o.template_id`

const sqlListedOfOccurrence = listedColumns + `
where v.occurrence_id = $1 and visit_place(v.state) <> 'none' order by v.id limit 1000`

const sqlListedOfDay = listedColumns + `
where v.establishment_id = $1 and v.day = $2 and visit_place(v.state) = 'booked'
order by lower(v.period), t.room, v.id limit 2000`

const sqlMine = `select ` + visitColumns + visitTables + `
where v.account_id = $1 and upper(v.period) > $2
    and (v.state in ('REQUESTED', 'BOOKED', 'CHECKED_IN') or v.state = 'HELD' and v.hold_expires_at > $2 and v.replaces is null)
order by lower(v.period), v.id limit 20`

const sqlVisitByRef = `select ` + visitColumns + visitTables + ` where c.ref = $1 and c.machine = 'visit' and v.account_id = $2`

const sqlLastParty = `
select v.detainee_id, array(select g.visitor_id from visit_visitor g
    join visitor p on p.id = g.visitor_id and p.removed_at is null
    where g.visit_id = v.id order by not g.lead, g.visitor_id)
from visit v
where v.account_id = $1 and v.state in ('BOOKED', 'CHECKED_IN', 'DONE', 'NO_SHOW', 'CANCELLED_FAMILY', 'CANCELLED_PRISON', 'CANCELLED_DETAINEE')
order by v.id desc limit 1`

const permitInForce = `
join case_file c on c.id = p.id and c.state in ('ACTIVE', 'PENDING_SIGHT')
join visitor v on v.id = p.visitor_id and v.removed_at is null and v.account_id = $1`

const sqlPermitted = `
select p.detainee_id, max(c.ref), array_agg(distinct p.visitor_id)
from permit p ` + permitInForce + `
where coalesce(p.valid_to >= ($2::timestamptz)::date, true)
group by p.detainee_id order by max(p.id) desc limit 20`

const sqlGuestsFor = `
select distinct on (v.self, v.id) v.id, v.self, p.relation, v.birth_date
from permit p ` + permitInForce + `
where p.detainee_id = $2 and coalesce(p.valid_to >= ($3::timestamptz)::date, true)
order by v.self desc, v.id, p.id desc limit 20`
