package visit

const sqlLiveOfPermit = `select ` + visitColumns + visitTables + `
where v.state in ('HELD', 'REQUESTED', 'BOOKED')
    and exists (select 1 from visit_visitor g where g.visit_id = v.id and g.permit_id = $1)
order by v.id limit 100`

const sqlLiveOfDetainee = `select ` + visitColumns + visitTables + `
where v.detainee_id = $1 and v.stage = 'live' order by v.id limit 100`

const sqlFlag = `
insert into visit_flag (visit_id, kind, source, blocks_gate, at)
select id, $2, $3, $4, $5 from unnest($1::bigint[]) as id
on conflict (visit_id, kind, source) do nothing
returning visit_id`

const sqlUnflag = `
update visit_flag set resolved = $2, resolved_by = $3, resolved_at = $4 where visit_id = $1 and resolved is null`

const sqlFlags = `
select kind, blocks_gate from visit_flag where visit_id = $1 and resolved is null order by blocks_gate desc, id limit 20`

// By the code of a visit today, or by a reference on any day.
const sqlByCode = `select ` + visitColumns + visitTables + `
where v.establishment_id = $3 and v.day = $2 and v.code = $1 or c.ref = $1
order by v.day = $2 desc, v.id limit 3`

const sqlAttendance = `
select g.visitor_id, g.lead, g.age, g.attendance, g.permit_id, c.ref, c.state <> 'PENDING_SIGHT'
from visit_visitor g join case_file c on c.id = g.permit_id
where g.visit_id = $1 order by not g.lead, g.visitor_id`

const sqlGateState = `
select exists (select 1 from visit_flag f where f.visit_id = $1 and f.blocks_gate and f.resolved is null),
    coalesce(bool_or(lead) filter (where visitor_id = $2), false),
    coalesce(bool_or(attendance = 'present') filter (where lead), false)
from visit_visitor where visit_id = $1`

// Who noted the outcome last; a timer is nobody.
const sqlNotedBy = `
select coalesce((select t.actor_kind = 'staff' and t.actor_id = $2 from transition t
    where t.case_id = $1 order by t.seq desc limit 1), false)`
