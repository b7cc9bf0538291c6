package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A container for tests of logs: says the lines of SHOP_SAYS, parted by `|`, and serves nobody. With SHOP_LASTS it then says
// those of SHOP_LAST and ends with SHOP_CODE; where the file SHOP_ONCE stands, which its first run leaves, it does not end.
func play(stop context.Context) (int, error) {
	say(os.Getenv("SHOP_SAYS"))
	text := os.Getenv("SHOP_LASTS")
	if text == "" || ended(os.Getenv("SHOP_ONCE")) {
		<-stop.Done()
		return 0, nil
	}
	lasts, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("SHOP_LASTS: %w", err)
	}
	code, err := strconv.Atoi(os.Getenv("SHOP_CODE"))
	if err != nil {
		return 0, fmt.Errorf("SHOP_CODE: %w", err)
	}
	if mark := os.Getenv("SHOP_ONCE"); mark != "" {
		if err := os.WriteFile(mark, nil, 0o644); err != nil {
			return 0, fmt.Errorf("SHOP_ONCE: %w", err)
		}
	}
	select {
	case <-stop.Done():
		return 0, nil
	case <-time.After(lasts):
	}
	say(os.Getenv("SHOP_LAST"))
	return code, nil
}

func say(lines string) {
	if lines != "" {
		fmt.Println(strings.ReplaceAll(lines, "|", "\n"))
	}
}

// Whether a run before this one has left its mark.
func ended(mark string) bool {
	if mark == "" {
		return false
	}
	_, err := os.Stat(mark)
	return err == nil
}
