package casework

const sqlCommandBegin = `
insert into command (channel, key, verb, actor_kind, actor_id, at)
values ($1, $2, $3, $4, $5, $6)
on conflict (channel, key) do nothing
returning id`

// In the order of their keys, so that two batches never wait for each other.
const sqlCommandsBegin = `
insert into command (channel, key, verb, actor_kind, actor_id, at)
select *, $6::timestamptz from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) as c (channel, key, verb, kind, id)
order by channel, key
on conflict (channel, key) do nothing`

const sqlCommandResult = `select result, actor_id from command where channel = $1 and key = $2 and verb = $3`

const sqlCommandEnd = `update command set result = $2 where id = $1`

const sqlAudit = `
insert into audit_event (at, actor_kind, actor_id, role, on_behalf_of, channel, action, object_kind, object_id,
    reason_code, note, detail, command_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

const caseColumns = `id, ref, machine, machine_version, account_id, authority_id, establishment_id, state, version,
    created_at, due_at, clock_left, alarm`

const sqlBegin = `
with c as (
    insert into case_file (ref, machine, machine_version, account_id, authority_id, establishment_id, state, version,
        created_at, due_at)
    values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9)
    on conflict (ref) do nothing
    returning ` + caseColumns + `
), a as (
    insert into audit_event (at, actor_kind, actor_id, role, on_behalf_of, channel, action, object_kind, object_id,
        reason_code, note, detail, command_id, rule_version)
    select $8, $13, $14, $15, $16, $17, $2 || '.' || $10, $2, c.id, $18, $19, $20, $21, $22 from c
    returning id
), t as (
    insert into transition (case_id, seq, prev_seq, machine, machine_version, from_state, event, to_state, human_only,
        needs_reason, at, actor_kind, actor_id, role, channel, reason_code, audit_id)
    select c.id, 1, null, $2, $3, '', $10, $7, $11, $12, $8, $13, $14, $15, $17, $18, a.id from c, a
)
select ` + caseColumns + ` from c`

const sqlMove = `
with c as (
    update case_file set state = $4, version = version + 1
    where id = $1 and version = $2 and state = $3
    returning ` + caseColumns + `
), a as (
    insert into audit_event (at, actor_kind, actor_id, role, on_behalf_of, channel, action, object_kind, object_id,
        reason_code, note, detail, command_id, rule_version)
    select $5, $9, $10, $11, $12, $13, c.machine || '.' || $6, c.machine, c.id, $14, $15, $16, $17, $18 from c
    returning id
), t as (
    insert into transition (case_id, seq, prev_seq, machine, machine_version, from_state, event, to_state, human_only,
        needs_reason, at, actor_kind, actor_id, role, channel, reason_code, audit_id)
    select c.id, c.version, c.version - 1, c.machine, c.machine_version, $3, $6, $4, $7, $8, $5, $9, $10, $11, $13, $14, a.id
    from c, a
)
select ` + caseColumns + ` from c`

const sqlReadForUpdate = `select ` + caseColumns + ` from case_file where id = $1 for update`

const sqlLook = `select ` + caseColumns + ` from case_file where id = $1`

const sqlAssign = `
update case_file set authority_id = $2, establishment_id = $3, due_at = $4, clock_left = $5, alarm = 0 where id = $1`

const sqlSync = `
insert into allowed_transition (machine, machine_version, from_state, event, to_state, human_only, needs_reason)
select * from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::bool[])
on conflict do nothing`

const sqlSyncDiffers = `
select a.machine, a.from_state, a.event
from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::bool[])
    r (machine, machine_version, from_state, event, to_state, human_only, needs_reason)
join allowed_transition a using (machine, machine_version, from_state, event, to_state)
where (a.human_only, a.needs_reason) <> (r.human_only, r.needs_reason)
limit 1`

const sqlHistory = `
select a.at, a.action, coalesce(t.event, ''), coalesce(t.from_state, ''), coalesce(t.to_state, ''), a.actor_kind, a.actor_id,
    a.role, coalesce(a.on_behalf_of, 0), a.channel, coalesce(a.reason_code, ''), coalesce(a.note, ''), a.detail
from case_file c
join audit_event a on a.object_kind = c.machine and a.object_id = c.id
left join transition t on t.case_id = c.id and t.audit_id = a.id
where c.id = $1 order by a.id limit $2`
