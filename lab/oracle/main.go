// SPDX-License-Identifier: GPL-3.0-or-later

// Program sops-oracle answers questions with sops' own library, many per second.
//
// A test that starts the sops command for every document spends its time in
// starting processes and in age. This program is started once and is handed
// the data key, and takes the same functions that the command does: the
// stores, EncryptTree and DecryptTree.
//
// Each line of its input is one request, each line of its output the answer
// to it, both JSON; binary content is in base64. An answer holds "error" and
// "code", the exit code of the command, where sops refuses the request.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/getsops/sops/v3/logging"
)

// exitCrash is the exit code of a Go program that panics.
const exitCrash = 2

// operations are the requests by name.
var operations = map[string]func(*request) (answer, error){
	"load":     load,
	"encrypt":  encrypt,
	"decrypt":  decrypt,
	"reformat": reformat,
	"regex":    matchRegex,
	"split":    split,
	"combine":  combine,
}

// answer is what goes back; its content depends on the operation.
type answer map[string]any

// coder is an error of the command that knows its exit code.
type coder interface{ ExitCode() int }

// warnings counts what sops says beside its results.
type warnings struct{ count int }

func (*warnings) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }

func (w *warnings) Fire(*logrus.Entry) error {
	w.count++
	return nil
}

func main() {
	said := &warnings{}
	for _, logger := range logging.Loggers {
		logger.SetOutput(io.Discard)
		logger.AddHook(said)
	}
	if err := serve(os.Stdin, os.Stdout, said); err != nil {
		fmt.Fprintln(os.Stderr, "sops-oracle:", err)
		os.Exit(1)
	}
}

// serve answers until the input ends.
func serve(input io.Reader, output io.Writer, said *warnings) error {
	lines := bufio.NewReaderSize(input, 1<<16)
	answers := bufio.NewWriter(output)
	encoder := json.NewEncoder(answers)
	encoder.SetEscapeHTML(false)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		said.count = 0
		reply := respond(line)
		if said.count > 0 {
			reply["warnings"] = said.count
		}
		if err := encoder.Encode(reply); err != nil {
			return err
		}
		// The other side may wait for this answer before it sends more.
		if lines.Buffered() == 0 {
			if err := answers.Flush(); err != nil {
				return err
			}
		}
	}
}

// respond never fails: some input crashes sops, and that is an answer too.
func respond(line []byte) (reply answer) {
	defer func() {
		if cause := recover(); cause != nil {
			reply = answer{"code": exitCrash, "error": fmt.Sprintf("panic: %v", cause)}
		}
	}()
	var ask request
	if err := json.Unmarshal(line, &ask); err != nil {
		return answer{"code": -1, "error": "not a request: " + err.Error()}
	}
	operation, known := operations[ask.Operation]
	if !known {
		return answer{"code": -1, "error": "no such operation: " + ask.Operation}
	}
	reply, err := operation(&ask)
	if err == nil {
		return reply
	}
	if reply == nil {
		reply = answer{}
	}
	reply["error"], reply["code"] = err.Error(), 1
	var coded coder
	if errors.As(err, &coded) {
		reply["code"] = coded.ExitCode()
	}
	return reply
}
