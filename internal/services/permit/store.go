package permit

const sqlOpenRequests = `
select count(*)::int from case_file
where account_id = $1 and machine = 'permit_request'
  and state in ('SUBMITTED', 'UNDER_REVIEW', 'INFO_NEEDED', 'OPINION')`

// The same family asking again for the same people about the same claim joins its open request.
const sqlSameRequest = `
select c.ref from case_file c
join permit_request r on r.id = c.id
where c.account_id = $1 and r.claim_hash = $2
  and c.state in ('SUBMITTED', 'UNDER_REVIEW', 'INFO_NEEDED', 'OPINION')
  and not exists (select from unnest($3::bigint[]) as v(id)
                  where not exists (select from permit_request_visitor p where p.request_id = r.id and p.visitor_id = v.id))
order by c.id desc limit 1`

const sqlClaimsToday = `
select count(*)::int from case_file
where account_id = $1 and machine = 'permit_request' and created_at > $2`

const sqlLockAccount = `select id from account where id = $1 for update`

const sqlNextCaseID = `select nextval(pg_get_serial_sequence('case_file', 'id'))`

const sqlInsertRequest = `
insert into permit_request (id, establishment_id, detainee_id, claim, claim_hash, purpose, hint, warning_accepted_at, submitted_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)`

const sqlInsertRequestVisitors = `
insert into permit_request_visitor (request_id, visitor_id, relation)
select $1, v.id, v.relation from unnest($2::bigint[], $3::text[]) as v(id, relation)`

const sqlInsertKinship = `
insert into kinship (visitor_id, detainee_id, relation, status)
select v.visitor_id, $2, v.relation, 'claimed' from permit_request_visitor v where v.request_id = $1
on conflict (visitor_id, detainee_id) do nothing`

const sqlRequest = `
select r.id, r.establishment_id, r.detainee_id, r.claim, r.purpose, r.hint, r.submitted_at, r.referrals, r.papers, r.answer_by
from permit_request r where r.id = $1`

const sqlRequestVisitors = `
select v.visitor_id, v.relation, v.result, v.reason_code from permit_request_visitor v
where v.request_id = $1 order by v.visitor_id`

const sqlMatch = `update permit_request set detainee_id = $2, establishment_id = $3 where id = $1`

const sqlCorrectClaim = `update permit_request set claim = $2, claim_hash = $3, detainee_id = $4, establishment_id = coalesce($5, establishment_id) where id = $1`

const sqlAskPapers = `update permit_request set papers = $2, answer_by = $3 where id = $1`

const sqlPapersIn = `update permit_request set papers = '{}', answer_by = null where id = $1`

const sqlInsertDocuments = `
insert into document (account_id, case_id, kind, way, status, by_staff, at)
select $1, $2, k, 'sighted', 'accepted', $4, $5 from unnest($3::text[]) as k`

const sqlReferred = `update permit_request set referrals = referrals + 1 where id = $1 returning referrals`

const sqlDecideVisitors = `
update permit_request_visitor v set result = d.result, reason_code = nullif(d.reason, '')
from unnest($2::bigint[], $3::text[], $4::text[]) as d(visitor_id, result, reason)
where v.request_id = $1 and v.visitor_id = d.visitor_id and v.result = 'pending'`

const sqlBannedVisitors = `
select v.id from visitor v
join visitor_ban b on b.country = v.country and b.id_number_index = v.id_number_index
where v.id = any ($1) and $2::date between b.valid_from and b.valid_to
  and (b.establishment_id is null or b.establishment_id = $3)
  and (b.detainee_id is null or b.detainee_id = $4)
group by v.id`

const sqlInsertPermit = `
insert into permit (id, request_id, visitor_id, detainee_id, code, relation, kind, valid_from, valid_to, visits_allowed,
    separation, authority_id, issued_by, issued_at)
select $1, v.request_id, v.visitor_id, $4, $5, v.relation, $6, $7, $8, $9, $10, $11, $12, $13
from permit_request_visitor v where v.request_id = $2 and v.visitor_id = $3`

const sqlPermitsOfRequest = `
select c.id, c.ref, p.code, p.visitor_id, c.state, p.valid_to from permit p join case_file c on c.id = p.id
where p.request_id = $1 order by c.id`

const sqlPermitForUpdate = `
select p.id, p.request_id, p.visitor_id, p.detainee_id, p.code, p.kind, p.valid_from, p.valid_to, p.authority_id, c.ref, c.account_id
from permit p join case_file c on c.id = p.id where p.id = $1 for update of p`

const sqlMine = `
select c.id, c.ref, c.machine, c.state, c.version, c.created_at, c.due_at, r.answer_by
from case_file c
join permit_request r on r.id = c.id
where c.account_id = $1
order by c.id desc limit $2`

const sqlByRef = `
select c.id, c.ref, c.machine, c.state, c.version, c.created_at, c.due_at, r.answer_by
from case_file c join permit_request r on r.id = c.id
where c.account_id = $1 and c.ref = $2`

const sqlDecisionReason = `
select t.reason_code from transition t where t.case_id = $1 and t.reason_code is not null order by t.seq desc limit 1`

const sqlDueForAlarm = `
select c.id, c.version, c.account_id, c.ref, c.created_at, c.due_at, c.alarm, c.authority_id, a.parent_id, c.establishment_id
from case_file c left join authority a on a.id = c.authority_id
where c.machine = 'permit_request' and c.due_at is not null and c.alarm < 100
  and c.state in ('SUBMITTED', 'UNDER_REVIEW', 'OPINION')
  and (c.due_at <= $1 or (c.alarm < 80 and c.created_at + (c.due_at - c.created_at) * 0.8 <= $1))
order by c.due_at limit $2`

const sqlSetAlarm = `update case_file set alarm = $3, due_at = $4 where id = $1 and alarm < $3 and version = $2`

const sqlUnanswered = `
select r.id from permit_request r join case_file c on c.id = r.id
where c.state = 'INFO_NEEDED' and r.answer_by < $1::date order by r.id limit $2`

const sqlHalfAnswered = `
select c.id, c.account_id, c.ref, r.answer_by, c.version from permit_request r join case_file c on c.id = r.id
where c.state = 'INFO_NEEDED' and r.answer_by = $1::date order by c.id limit $2`

const sqlEnded = `
select p.id from permit p join case_file c on c.id = p.id
where p.valid_to < $1::date and c.state in ('ACTIVE', 'PENDING_SIGHT', 'SUSPENDED', 'REVIEW') order by p.id limit $2`

const sqlEnding = `
select c.id, c.account_id, c.ref, p.valid_to from permit p join case_file c on c.id = p.id
where p.valid_to = any ($1::date[]) and c.state in ('ACTIVE', 'PENDING_SIGHT') and (p.warned is null or p.warned < $2::date)
order by c.id limit $3`

const sqlWarned = `update permit set warned = $2 where id = any ($1)`
