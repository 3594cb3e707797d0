-- Dialogues. Who they belong to is a keyed hash of the number, and what was said is sealed: a copy of these tables tells
-- nothing about anyone.
-- +goose Up

-- Live USSD sessions, a copy at most 250 ms behind Redis; while Redis is gone the dialogues carry on here.
create table ussd_session (
    h          text        primary key,
    version    bigint      not null check (version >= 1),
    value      bytea       not null,
    expires_at timestamptz not null
);
create index ussd_session_age on ussd_session (expires_at);

-- What a person had answered when the dialogue broke off, to go on from.
create table dialogue_draft (
    h          text        primary key,
    sealed     bytea       not null,
    saved_at   timestamptz not null,
    expires_at timestamptz not null
);
create index dialogue_draft_age on dialogue_draft (expires_at);

-- Conversations by text message.
create table sms_talk (
    h          text        primary key,
    version    bigint      not null check (version >= 1),
    sealed     bytea       not null,
    expires_at timestamptz not null
);
create index sms_talk_age on sms_talk (expires_at);

-- Texts no rule could read, for staff to look at.
create table unread_text (
    inbox_id   bigint      primary key references inbox,
    at         timestamptz not null,
    lang       text        not null,
    handled_at timestamptz,
    handled_by bigint,
    check ((handled_at is null) = (handled_by is null))
);
create index unread_text_open on unread_text (inbox_id) where handled_at is null;
