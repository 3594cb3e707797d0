package establishment

const sqlDefaultCountry = `
insert into country (code, dial_prefix, tz, rest_days, week_start) values ($1, $2, $3, $4, $5)
on conflict do nothing`

const sqlDefaultRules = `
insert into rule_set (country, valid_from, rules, note) values ($1, '2000-01-01', $2, 'default')
on conflict do nothing`

const sqlDefaultHint = `insert into routing_hint (country, hint, legal_status) values ($1, $2, $3) on conflict do nothing`

const sqlDefaultRelation = `insert into relation_class (country, relation, class, place) values ($1, $2, $3, $4) on conflict do nothing`

const sqlDefaultRouting = `
insert into routing_rule (country, legal_status, relation_class, kind, valid_from) values ($1, $2, $3, $4, '2000-01-01')
on conflict do nothing`

const sqlDefaultIDRule = `insert into id_rule (country, id_type, place, pattern) values ($1, $2, $3, $4) on conflict do nothing`
