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

const sqlLockAccount = `select id from account where id = $1 for no key update`

const sqlOwnVisitors = `select count(*)::int from visitor where account_id = $1 and id = any ($2) and removed_at is null`

const sqlInsertRequest = `
insert into permit_request (id, establishment_id, detainee_id, claim, claim_hash, purpose, hint, warning_accepted_at, submitted_at, replaces)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)`

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

const sqlUnmatch = `update permit_request set detainee_id = null where id = $1`

const sqlCorrectClaim = `
update permit_request set claim = $2, claim_hash = $3, detainee_id = $4, establishment_id = $5, answer_by = null, asked_on = null
where id = $1`

const sqlAskPapers = `
update permit_request set papers = $2, answer_by = $3, asked_on = $4, reminded = false where id = $1`

const sqlPapersIn = `update permit_request set papers = '{}', answer_by = null, asked_on = null where id = $1`

const sqlInsertDocuments = `
insert into document (account_id, case_id, kind, way, status, by_staff, at)
select $1, $2, k, 'sighted', 'accepted', $4, $5 from unnest($3::text[]) as k`

const sqlReferred = `update permit_request set referrals = referrals + 1 where id = $1`

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

const sqlPresent = `
select d.present from permit_request r join detainee d on d.id = r.detainee_id where r.id = $1 for share of d`

const sqlHolder = `select c.account_id, p.detainee_id from permit p join case_file c on c.id = p.id where p.id = $1`

const sqlLockPerson = `select id from detainee where id = $1 for share`

const sqlLockPermits = `select id from permit where id = any ($1::bigint[]) order by id for no key update`

const sqlLockPermitsAbout = `select id from permit where detainee_id = any ($1::bigint[]) order by id for no key update`

const sqlMine = `
select c.id, c.ref, c.machine, c.state, c.version, c.created_at, c.due_at, r.answer_by,
    r.papers, c.account_id
from case_file c
join permit_request r on r.id = c.id
where c.account_id = $1
order by c.id desc limit $2`

const sqlByRef = `
select c.id, c.ref, c.machine, c.state, c.version, c.created_at, c.due_at, r.answer_by,
    r.papers, c.account_id
from unnest($1::bigint[], $2::text[]) as u (account_id, ref)
join case_file c on c.ref = u.ref and c.account_id = u.account_id
join permit_request r on r.id = c.id`

const sqlDecisionReason = `
select t.reason_code from transition t where t.case_id = $1 and t.reason_code is not null order by t.seq desc limit 1`

const sqlRefusal = `
select t.at, t.actor_id from transition t where t.case_id = $1 and t.event = 'refuse' order by t.seq desc limit 1`

// A date that was missed once and set anew may be missed again.
const sqlDueForAlarm = `
select c.id, c.version, c.ref, c.account_id, k.country, c.due_at, c.authority_id, a.parent_id
from case_file c join account k on k.id = c.account_id left join authority a on a.id = c.authority_id
where c.machine = 'permit_request' and c.state in ('SUBMITTED', 'UNDER_REVIEW', 'OPINION', 'APPEALED')
  and (c.due_at <= $1 or c.alarm < 80 and c.created_at + (c.due_at - c.created_at) * 0.8 <= $1)
order by c.due_at, c.id limit $2`

const sqlSetAlarm = `
update case_file set alarm = $4, due_at = $5 where id = $1 and version = $2 and due_at = $3 and (alarm < $4 or $5 > $3)`

const sqlUnanswered = `
select c.id, c.version from permit_request r join case_file c on c.id = r.id
where c.state = 'INFO_NEEDED' and r.answer_by < $1::date order by r.id limit $2`

const sqlHalfAnswered = `
select c.id, c.version from permit_request r join case_file c on c.id = r.id
where c.state = 'INFO_NEEDED' and not r.reminded and r.answer_by >= $1::date
  and r.asked_on + (r.answer_by - r.asked_on) / 2 <= $1::date order by c.id limit $2`

const sqlReminded = `update permit_request set reminded = true where id = $1 and not reminded returning answer_by, papers = '{}'`

const sqlEnded = `
select c.id, c.version from permit p join case_file c on c.id = p.id
where p.valid_to < $1::date and c.state in ('ACTIVE', 'PENDING_SIGHT', 'SUSPENDED', 'REVIEW') order by p.id limit $2`

const sqlUsedUp = `
select c.id, c.version from permit p join case_file c on c.id = p.id
where p.visits_used >= p.visits_allowed and p.issued_at <= $1 and c.state in ('ACTIVE', 'PENDING_SIGHT') order by p.id limit $2`

// A permit is due for a warning once it has passed one of the marks, unless it was warned since, or is so short that it
// began past the mark.
const sqlEnding = `
select c.id, c.account_id, c.ref, p.valid_to from permit p join case_file c on c.id = p.id
where c.state in ('ACTIVE', 'PENDING_SIGHT') and p.kind <> 'once' and p.valid_to >= $2::date
  and exists (select from unnest($1::int[]) as n
      where p.valid_to - n <= $2::date and p.valid_to - n > p.issued_at::date and (p.warned is null or p.warned < p.valid_to - n))
order by c.id limit $3`

const sqlWarned = `update permit set warned = $2 where id = any ($1) and (warned is null or warned < $2::date) returning id`

// What is open about people: requests and permits that may still change.
const sqlAbout = `
select c.id, x.detainee_id
from (select id, detainee_id from permit_request where detainee_id = any ($1::bigint[])
    union all select id, detainee_id from permit where detainee_id = any ($1::bigint[])) x
join case_file c on c.id = x.id
where c.state in ('SUBMITTED', 'UNDER_REVIEW', 'INFO_NEEDED', 'OPINION', 'ACTIVE', 'PENDING_SIGHT', 'SUSPENDED', 'REVIEW')
order by c.id`
