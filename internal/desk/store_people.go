package desk

const sqlPeople = `
select id, self, id_type, id_number_sealed, name_latin_sealed, name_ar_sealed, birth_date, identity_status
from visitor where id = any($1) limit 5000`

const sqlFamily = `
select a.lang, a.quality, a.identity_level, a.opt_out_at is not null, coalesce(m.id, 0), m.number_sealed
from account a left join msisdn m on m.account_id = a.id and m.rank = 1
where a.id = $1`

// A text is as far as the least happy of its parts.
const sqlTexts = `
select m.id, m.created_at, m.text_key, m.lang, m.body_sealed, m.parts,
    coalesce((array_agg(p.state order by array_position(array['undelivered', 'refused', 'expired', 'unknown', 'withdrawn', 'later',
        'queued', 'in_doubt', 'accepted', 'delivered'], p.state)))[1], 'queued'),
    coalesce(max(p.reason), ''), max(p.accepted_at), max(p.final_at) filter (where p.state = 'delivered')
from message m left join message_part p on p.id between m.id << 8 and m.id << 8 | 255
where m.case_id = $1 group by m.id order by m.id limit 300`

const sqlNames = `select id, name from staff where id = any($1)`

const sqlPaper = `
select p.id, q.ref, p.visitor_id, p.detainee_id, p.code, p.relation, p.kind, p.valid_from, p.valid_to, p.visits_allowed,
    p.visits_committed, p.visits_used, p.separation, p.authority_id, coalesce(s.name, ''), p.issued_at
from permit p join case_file q on q.id = p.request_id left join staff s on s.id = p.issued_by
where p.id = $1`

// $1 before this id, $2 the object's reference, $3 staff login, $4 a word of the action.
const sqlTrail = `
select e.id, e.at, e.actor_kind, coalesce(s.name, ''), coalesce(s.login, ''), e.role, e.channel, e.action, e.object_kind,
    e.object_id, coalesce(c.ref, ''), coalesce(e.reason_code, ''), exists (select from audit_seal x where x.event_id = e.id),
    case when e.object_kind = 'bind' then concat_ws('/', e.detail ->> 'operator', e.detail ->> 'bind') else '' end
from audit_event e
left join staff s on e.actor_kind = 'staff' and s.id = e.actor_id
left join case_file c on c.id = e.object_id and c.machine = e.object_kind
where ($1::bigint = 0 or e.id < $1) and ($2::text = '' or c.ref = $2) and ($3::text = '' or s.login = $3)
  and ($4::text = '' or e.action like $4 || '%')
order by e.id desc limit $5`

const sqlPermitAtGate = `select permit_id from visit_visitor where visit_id = $1 and visitor_id = $2`
