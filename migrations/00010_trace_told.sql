-- Whether the wish to record a bind is carried out, for those who wished it.
-- +goose Up
alter table bind_state add trace text not null default ''
    check (trace in ('', 'on', 'full', 'no_room', 'denied', 'limit', 'nowhere', 'failed'));
