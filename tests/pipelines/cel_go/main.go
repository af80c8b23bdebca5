// Says what cel-go makes of trigger conditions, as Kubeflow's driver asks it (which adds a function, parseJson, that no
// condition here has): {"input": an ExecutorInput, "conditions": […]} comes on standard input, and a JSON object goes to
// standard output: condition -> "true", "false", "refused: why" where it does not compile, "fails: why" where it has no
// value or none that is true or false.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/google/cel-go/cel"
	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"google.golang.org/protobuf/encoding/protojson"
)

type question struct {
	Input      json.RawMessage `json:"input"`
	Conditions []string        `json:"conditions"`
}

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	input := &pipelinespec.ExecutorInput{}
	if err := protojson.Unmarshal(asked.Input, input); err != nil {
		return err
	}
	env, err := cel.NewEnv(cel.DeclareContextProto(input.ProtoReflect().Descriptor()))
	if err != nil {
		return err
	}
	variables, err := cel.ContextProtoVars(input)
	if err != nil {
		return err
	}
	answers := make(map[string]string, len(asked.Conditions))
	for _, condition := range asked.Conditions {
		answers[condition] = answer(env, variables, condition)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func answer(env *cel.Env, variables any, condition string) string {
	ast, issues := env.Compile(condition)
	if issues.Err() != nil {
		return "refused: " + issues.Errors()[0].Message
	}
	program, err := env.Program(ast)
	if err != nil {
		return "fails: " + err.Error()
	}
	result, _, err := program.Eval(variables)
	if err != nil {
		return "fails: " + err.Error()
	}
	if holds, isBool := result.Value().(bool); isBool {
		return fmt.Sprint(holds)
	}
	return "fails: neither true nor false, but a " + result.Type().TypeName()
}
