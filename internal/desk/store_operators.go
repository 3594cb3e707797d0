package desk

const sqlStaffNames = `select id, name from staff where id = any($1::bigint[])`
