package person

const sqlLookup = `
select u.n, coalesce(a.id, 0), coalesce(a.country, ''), coalesce(m.lang, a.lang, ''), coalesce(a.quality, ''),
    coalesce(a.identity_level, 0), coalesce(a.discreet, true), a.opt_out_at is not null, coalesce(a.consent_version, 0),
    coalesce(a.created_at, m.last_seen_at), m.last_seen_at
from unnest($1::bytea[]) with ordinality as u (number_index, n)
join msisdn m on m.number_index = u.number_index
left join account a on a.id = m.account_id and a.closed_at is null and m.rank = 1 and m.status = 'active'`

const sqlAccount = `
select a.id, a.country, coalesce(m.lang, a.lang), a.quality, a.identity_level, a.discreet, a.opt_out_at is not null,
    a.consent_version, a.created_at, coalesce(m.last_seen_at, a.created_at)
from account a left join msisdn m on m.account_id = a.id and m.rank = 1
where a.id = $1 and a.closed_at is null`

const sqlNumberID = `
select coalesce((select id from msisdn where number_index = $1), nextval(pg_get_serial_sequence('msisdn', 'id')))`

const sqlSetLang = `
with n as (
    insert into msisdn (id, number_sealed, number_index, lang, last_seen_at) values ($1, $2, $3, $4, $5)
    on conflict (number_index) do update set lang = excluded.lang, last_seen_at = excluded.last_seen_at
    returning account_id, lang, rank
)
update account a set lang = n.lang, version = version + 1 from n where a.id = n.account_id and n.rank = 1`

const sqlSetOptOut = `
update account set opt_out_at = case when $2 then coalesce(opt_out_at, $3) end, version = version + 1
where id = $1 and (opt_out_at is not null) <> $2`

const sqlContacts = `
select a.id, m.id, m.rank, m.number_sealed, a.lang, a.opt_out_at is not null
from account a join msisdn m on m.account_id = a.id and m.status = 'active'
where a.id = any($1) and a.closed_at is null`

const sqlIDRules = `
select r.id_type, r.pattern from id_rule r join country c on c.code = r.country
where r.country = $1
  and r.valid_from <= ($2::timestamptz at time zone c.tz)::date and r.valid_to > ($2::timestamptz at time zone c.tz)::date
order by r.place`

const sqlCountryOf = `select code from country where starts_with($1, dial_prefix) order by length(dial_prefix) desc limit 1`

const sqlInsertAccount = `
insert into account (country, lang, quality, identity_level, pin_hash, consent_version, consent_at, created_channel, created_at)
values ($1, $2, $3, $4, $5, $6, $8, $7, $8) returning id`

const sqlBindNumber = `
insert into msisdn (id, number_sealed, number_index, account_id, rank, lang, verified_at, last_seen_at)
values ($1, $2, $3, $4, 1, $5, $6, $6)
on conflict (number_index) do update
    set account_id = excluded.account_id, rank = 1, lang = excluded.lang, verified_at = $6, last_seen_at = $6
    where msisdn.account_id is null
returning id`

// The account's row serves as the household's lock.
const sqlLockHousehold = `
select a.country, (select count(*) from visitor v where v.account_id = a.id and v.removed_at is null)::int
from account a where a.id = $1 and a.closed_at is null for update`

const sqlHousehold = `
select id, self, id_type, id_number_sealed, birth_date, coalesce(relation, ''), identity_status
from visitor where account_id = $1 and removed_at is null order by self desc, id limit 50`

const sqlVisitorID = `
select coalesce((select id from visitor where account_id = $1 and country = $2 and id_number_index = $3),
    nextval(pg_get_serial_sequence('visitor', 'id')))`

const sqlInsertVisitor = `
insert into visitor (id, account_id, self, country, id_type, id_number_sealed, id_number_index, birth_date, relation, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), $10)
on conflict (account_id, country, id_number_index) do update
    set removed_at = null, birth_date = excluded.birth_date, relation = excluded.relation, version = visitor.version + 1
    where visitor.removed_at is not null`

const sqlRemoveVisitor = `
update visitor set removed_at = $3, version = version + 1
where id = $1 and account_id = $2 and not self and removed_at is null`

// $3 tries are free; from then on each one locks for $4, twice as long each time, $5 at most. A locked account is only read.
const sqlChargeTry = `
with a as (
    select id, pin_hash, pin_wrong, pin_locked_until, coalesce(pin_try = nullif($6, ''), false) as again
    from account where id = $1 and closed_at is null for update
), t as (
    update account set pin_wrong = account.pin_wrong + 1, pin_try = nullif($6, ''),
        pin_locked_until = case when account.pin_wrong + 1 >= $3
            then $2::timestamptz + least($5::interval, $4::interval * power(2, least(account.pin_wrong + 1 - $3, 20))) end
    from a where account.id = a.id and not a.again and (a.pin_locked_until is null or a.pin_locked_until <= $2)
    returning account.id, account.pin_wrong, account.pin_locked_until
)
select a.pin_hash, coalesce(t.pin_wrong, a.pin_wrong), case when t.id is null then a.pin_locked_until else t.pin_locked_until end,
    t.id is not null or a.again
from a left join t on t.id = a.id`

const sqlForgiveTries = `
with a as (
    update account set pin_wrong = 0, pin_locked_until = null where id = $1 returning id
)
update msisdn m set last_seen_at = $2 from a where m.account_id = a.id and m.rank = 1`

const sqlSetPIN = `
update account set pin_hash = $2, pin_wrong = 0, pin_locked_until = null, version = version + 1
where id = $1 and closed_at is null`

const sqlUnlock = `update account set pin_wrong = 0, pin_locked_until = null where id = $1`

const sqlKnown = `
select v.id, v.id_number_sealed, v.birth_date, m.id, m.number_sealed
from visitor v join msisdn m on m.account_id = v.account_id and m.rank = 1
where v.account_id = $1 and v.self`
