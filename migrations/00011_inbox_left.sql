-- A text that was set aside may be left so by staff: it is kept, and nobody waits for it any more.
-- +goose Up
alter table inbox
    drop constraint inbox_state_check,
    drop constraint inbox_check1,
    add constraint inbox_state_check check (state in ('waiting', 'claimed', 'done', 'quarantined', 'flood', 'left')),
    add constraint inbox_over_check check ((state in ('done', 'quarantined', 'flood', 'left')) = (done_at is not null));
