package visit

const sqlClosePreview = `
select count(distinct o.id), count(v.id), count(distinct v.account_id)
from occurrence o
left join visit v on v.occurrence_id = o.id and v.state in ('HELD', 'REQUESTED', 'BOOKED')
where o.establishment_id = $1 and o.day = $2 and ($3::bigint = 0 or o.id = $3) and o.closed_at is null`

const sqlLockToClose = `
select id from occurrence
where establishment_id = $1 and day = $2 and ($3::bigint = 0 or id = $3)
order by id for no key update`

const sqlInsertClosure = `
insert into closure (establishment_id, day, occurrence_id, reason_code, note, by_staff, at)
values ($1, $2, $3, $4, nullif($5, ''), $6, $7) returning id`

const sqlCloseOccurrences = `
update occurrence set closed_at = $2, closed_by = $3, close_reason = $4, version = version + 1
where id = any($1::bigint[]) and closed_at is null`

const sqlListToClose = `
insert into closure_visit (closure_id, visit_id)
select $1, id from visit where occurrence_id = any($2::bigint[]) and state in ('HELD', 'REQUESTED', 'BOOKED')`

const closureColumns = `
c.id, c.establishment_id, c.day, c.occurrence_id, c.reason_code, c.by_staff, c.at, c.finished_at,
    (select count(*) from closure_visit w where w.closure_id = c.id),
    (select count(*) from closure_visit w where w.closure_id = c.id and w.done_at is not null)
from closure c`

const sqlClosure = `select ` + closureColumns + ` where c.id = $1`

const sqlClosures = `select ` + closureColumns + ` where c.establishment_id = $1 order by c.id desc limit 20`

const sqlClosureWork = `
select w.closure_id, w.visit_id, c.reason_code
from closure_visit w join closure c on c.id = w.closure_id
where w.done_at is null and c.finished_at is null
order by w.closure_id, w.visit_id limit 100`

const sqlClosedOne = `update closure_visit set done_at = $3 where closure_id = $1 and visit_id = $2 and done_at is null`

const sqlFinishClosures = `
update closure c set finished_at = $1
where finished_at is null and not exists (select 1 from closure_visit w where w.closure_id = c.id and w.done_at is null)`
