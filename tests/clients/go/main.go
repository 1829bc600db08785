// Runs scenarios with the official Go client: driver <namesrv> <name,name,...> <json arguments>.
// Prints one JSON line per scenario; ends with 1 when one failed. The protocol is described in tests/src/harness/driver.rs.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// arguments of all scenarios; each reads its own.
type arguments struct {
	Topic    string   `json:"topic"`
	Messages string   `json:"messages"`
	From     []string `json:"from"`
}

type scenario func(namesrv string, arguments arguments) map[string]any

var scenarios = map[string]scenario{
	"send_kinds":       sendKinds,
	"transactions":     transactions,
	"exchange_send":    exchangeSend,
	"exchange_receive": exchangeReceive,
	"delays":           delays,
	"retries":          retries,
	"orderly":          orderly,
}

type record struct {
	Scenario string         `json:"scenario"`
	Result   string         `json:"result"`
	Reason   string         `json:"reason,omitempty"`
	Output   map[string]any `json:"output,omitempty"`
	Millis   int64          `json:"ms"`
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: driver <namesrv> <scenario,scenario,...> <json arguments>")
		os.Exit(2)
	}
	rlog.SetLogLevel("warn")
	var given arguments
	if err := json.Unmarshal([]byte(os.Args[3]), &given); err != nil {
		fmt.Fprintln(os.Stderr, "arguments:", err)
		os.Exit(2)
	}
	passed := true
	for _, name := range strings.Split(os.Args[2], ",") {
		result := run(os.Args[1], name, given)
		passed = passed && result.Result == "passed"
		line, _ := json.Marshal(result)
		fmt.Println(string(line))
	}
	if !passed {
		os.Exit(1)
	}
}

func run(namesrv, name string, given arguments) (result record) {
	begin := time.Now()
	result = record{Scenario: name, Result: "passed"}
	defer func() {
		if reason := recover(); reason != nil {
			result.Result = "failed"
			result.Reason = fmt.Sprintf("%v\n%s", reason, debug.Stack())
		}
		result.Millis = time.Since(begin).Milliseconds()
	}()
	run, known := scenarios[name]
	check(known, "no such scenario")
	result.Output = run(namesrv, given)
	return result
}

func check(holds bool, format string, values ...any) {
	if !holds {
		panic(fmt.Sprintf(format, values...))
	}
}

func must(err error, what string) {
	check(err == nil, "%s: %v", what, err)
}
