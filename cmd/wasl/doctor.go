package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/wasl-sms/wasl/internal/gateway"
)

type doctorCmd struct{}

func (doctorCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	st, err := openStores(ctx, s, log)
	if err != nil {
		return err
	}
	defer st.Close()
	fmt.Println("database: answers, schema up to date")
	if err := st.openSessions(ctx, s, log); err != nil {
		return err
	}
	if st.redis == nil {
		fmt.Println("redis: none; dialogues are kept in memory and end with the process")
	} else if err := st.redis.Ping(ctx).Err(); err != nil {
		fmt.Printf("redis: does not answer (%v); dialogues would carry on in the database, more slowly\n", err)
	} else {
		fmt.Println("redis: answers")
	}
	if s.Operators == "" {
		fmt.Println("operators: no file named; set WASL_OPERATORS before `wasl serve` with the gateway role")
		return nil
	}
	operators, err := gateway.LoadOperators(s.Operators)
	if err != nil {
		return err
	}
	for _, o := range operators {
		fmt.Printf("operator %s: %d binds, short codes %v, USSD codes %v\n", o.Name, len(o.Binds), o.ShortCodes, o.USSDCodes)
	}
	return nil
}
