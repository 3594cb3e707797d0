package dialog

// Sessions. A row that has expired counts as none.

const sqlSessionLoad = `select value from ussd_session where h = $1 and expires_at > $2`

const sqlSessionLock = `select value from ussd_session where h = $1 and expires_at > $2 for update`

const sqlSessionNew = `
insert into ussd_session as s (h, version, value, expires_at) values ($1, $2, $3, $4)
on conflict (h) do update set version = excluded.version, value = excluded.value, expires_at = excluded.expires_at
where s.expires_at <= $5`

const sqlSessionNext = `
update ussd_session set version = $2, value = $3, expires_at = $4 where h = $1 and version = $2 - 1 and expires_at > $5`

const sqlSessionDelete = `delete from ussd_session where h = $1 and (version = $2 or expires_at <= $3)`

const sqlSessionInstall = `
insert into ussd_session as s (h, version, value, expires_at)
select * from unnest($1::text[], $2::bigint[], $3::bytea[], $4::timestamptz[])
on conflict (h) do update set version = excluded.version, value = excluded.value, expires_at = excluded.expires_at
where s.version < excluded.version or s.expires_at <= $5`

// Drafts. A late write never undoes a later one.

const sqlDraftLoad = `select sealed from dialogue_draft where h = $1 and expires_at > $2`

const sqlDraftSave = `
insert into dialogue_draft as d (h, sealed, saved_at, expires_at)
select * from unnest($1::text[], $2::bytea[], $3::timestamptz[], $4::timestamptz[])
on conflict (h) do update set sealed = excluded.sealed, saved_at = excluded.saved_at, expires_at = excluded.expires_at
where d.saved_at <= excluded.saved_at`

const sqlDraftDrop = `
delete from dialogue_draft d using unnest($1::text[], $2::timestamptz[]) as gone (h, at)
where d.h = gone.h and d.saved_at <= gone.at`

const sqlSweepSessions = `
delete from ussd_session where h in (select h from ussd_session where expires_at <= $1 order by expires_at limit 1000)`

const sqlSweepDrafts = `
delete from dialogue_draft where h in (select h from dialogue_draft where expires_at <= $1 order by expires_at limit 1000)`

const sqlSweepTalks = `
delete from sms_talk where h in (select h from sms_talk where expires_at <= $1 order by expires_at limit 1000)`

// Conversations by text. Whether the text was taken before is read in the same
// snapshot as the state, so that a repeat never meets the state it made. With their limits the
// look-ups stay look-ups by key, also in a plan made while the tables were nearly empty.

const sqlTalkLoad = `
select u.n, c.id is not null, case when t.expires_at > $3 then t.version else 0 end, case when t.expires_at > $3 then t.sealed end
from unnest($1::text[], $2::text[]) with ordinality as u (h, key, n)
left join lateral (select id from command where channel = 'sms' and key = u.key limit 1) c on true
left join lateral (select version, sealed, expires_at from sms_talk where h = u.h limit 1) t on true`

const sqlTalkLock = `select version, sealed from sms_talk where h = $1 and expires_at > $2 for update`

// In the order of their keys, so that two batches never wait for each other.
const sqlTalkSave = `
insert into sms_talk as t (h, version, sealed, expires_at)
select h, version + 1, sealed, $4 from unnest($1::text[], $2::bigint[], $3::bytea[]) as u (h, version, sealed) order by h
on conflict (h) do update set version = excluded.version, sealed = excluded.sealed, expires_at = excluded.expires_at
where t.version = excluded.version - 1 or t.expires_at <= $5`

const sqlUnread = `
insert into unread_text (inbox_id, at, lang) select id, $3, lang from unnest($1::bigint[], $2::text[]) as u (id, lang)
on conflict (inbox_id) do nothing`
