package casework

// One sealer at a time; readers and writers of events are not held up.
const sqlSealLock = `lock table audit_seal in share row exclusive mode`

const sqlSealHead = `select seq, hash from audit_seal order by seq desc limit 1`

// jsonb writes itself out in one form only, whatever was put in.
const eventColumns = `e.id, e.at, e.actor_kind, e.actor_id, e.role, e.on_behalf_of, e.channel, e.action, e.object_kind,
    e.object_id, e.reason_code, e.note, e.detail::text, e.rule_version, e.command_id`

const sqlUnsealed = `
select ` + eventColumns + ` from audit_pending p join audit_event e on e.id = p.event_id
order by p.event_id limit $1`

const sqlSeal = `
with s as (
    insert into audit_seal (seq, prev_seq, event_id, prev_hash, hash)
    select seq, nullif(seq - 1, 0), event_id, prev_hash, hash
    from unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[]) as u (seq, event_id, prev_hash, hash)
    order by seq
)
delete from audit_pending where event_id = any($2)`

// A left join: a seal whose event is gone must be seen.
const sqlSealed = `
select s.seq, s.event_id, s.prev_hash, s.hash, e.id is null,
    coalesce(e.id, 0), coalesce(e.at, 'epoch'), coalesce(e.actor_kind, ''), coalesce(e.actor_id, 0), coalesce(e.role, ''),
    e.on_behalf_of, coalesce(e.channel, ''), coalesce(e.action, ''), coalesce(e.object_kind, ''), coalesce(e.object_id, 0),
    e.reason_code, e.note, coalesce(e.detail::text, ''), coalesce(e.rule_version, 0), e.command_id
from audit_seal s left join audit_event e on e.id = s.event_id
where s.seq > $1 order by s.seq limit $2`

// An event waits for its seal a minute at most; one that does not even wait has lost its seal.
const sqlLeftUnsealed = `
select e.id from audit_event e
where not exists (select from audit_seal s where s.event_id = e.id)
  and not exists (select from audit_pending p where p.event_id = e.id and p.since > clock_timestamp() - interval '1 minute')
order by e.id limit 1`

const sqlCountWaiting = `select count(*) from audit_pending`
