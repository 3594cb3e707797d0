-- Permit requests and permits. Both are cases: their state, version and clock stand in case_file under the same id.
-- A permit is one visitor's right to see one detainee; a request for three visitors may end in three permits.
-- +goose Up
create table permit_request (
    id                  bigint primary key references case_file,
    establishment_id    bigint references establishment, -- as claimed by the family
    detainee_id         bigint references detainee,      -- null: not matched; never shown to the family
    claim               bytea       not null,            -- sealed: what the family keyed about the detainee
    claim_hash          bytea       not null,            -- blind index of the claim, to join repeated requests
    purpose             text        not null default 'family' check (purpose in ('family', 'lawyer', 'officer')),
    hint                text        not null check (hint in ('no', 'yes', 'appeal', 'unknown')), -- has the judgment been given?
    warning_accepted_at timestamptz not null,
    submitted_at        timestamptz not null,
    referrals           smallint    not null default 0 check (referrals >= 0),
    papers              text[]      not null default '{}', -- kinds asked for while INFO_NEEDED
    answer_by           date,    -- while INFO_NEEDED
    asked_on            date,
    reminded            boolean     not null default false, -- half way between the two
    replaces            bigint references permit_request
);
create index permit_request_claim on permit_request (claim_hash);
create index permit_request_detainee on permit_request (detainee_id) where detainee_id is not null;

create table permit_request_visitor (
    request_id  bigint not null references permit_request,
    visitor_id  bigint not null references visitor,
    relation    text   not null,
    result      text   not null default 'pending' check (result in ('pending', 'granted', 'refused')),
    reason_code text,
    primary key (request_id, visitor_id),
    check (result <> 'refused' or reason_code is not null)
);
create index permit_request_visitor_visitor on permit_request_visitor (visitor_id);

create table document (
    id          bigint generated always as identity primary key,
    account_id  bigint      not null references account,
    visitor_id  bigint references visitor,
    case_id     bigint references case_file,
    kind        text        not null,
    number      bytea, -- sealed
    way         text        not null check (way in ('keyed', 'sighted', 'scanned', 'relayed', 'registry')),
    status      text        not null default 'offered' check (status in ('offered', 'accepted', 'rejected')),
    reason_code text,
    by_staff    bigint,
    at          timestamptz not null,
    expires     date,
    file_ref    text,
    sha256      bytea check (octet_length(sha256) = 32),
    check (status <> 'rejected' or reason_code is not null),
    check ((file_ref is null) = (sha256 is null))
);
create index document_case on document (case_id) where case_id is not null;
create index document_account on document (account_id);

create table permit (
    id               bigint primary key references case_file,
    request_id       bigint      not null,
    visitor_id       bigint      not null,
    detainee_id      bigint      not null references detainee,
    code             text        not null check (code ~ '^[0-9]{8}$'),
    relation         text        not null,
    kind             text        not null check (kind in ('once', 'visits', 'period', 'permanent')),
    valid_from       date        not null,
    valid_to         date, -- null: permanent
    visits_allowed   integer check (visits_allowed > 0), -- null: not counted
    visits_committed integer     not null default 0 check (visits_committed >= 0),
    visits_used      integer     not null default 0 check (visits_used >= 0),
    separation       boolean     not null default false, -- only behind glass
    establishment_id bigint references establishment,    -- null: wherever the detainee is held
    authority_id     bigint      not null references authority,
    issued_by        bigint      not null,
    issued_at        timestamptz not null,
    warned           date, -- last expiry warning
    replaces         bigint references permit,
    foreign key (request_id, visitor_id) references permit_request_visitor,
    unique (id, visitor_id, detainee_id),
    unique (request_id, visitor_id),
    constraint permit_uses check (visits_committed + visits_used <= visits_allowed),
    check (valid_to >= valid_from),
    check (kind <> 'once' or visits_allowed = 1),
    check (kind <> 'visits' or visits_allowed is not null),
    check (kind = 'permanent' or valid_to is not null)
);
create index permit_visitor on permit (visitor_id, detainee_id);
create index permit_detainee on permit (detainee_id);
create index permit_code on permit (code);
create index permit_ends on permit (valid_to) where valid_to is not null;
