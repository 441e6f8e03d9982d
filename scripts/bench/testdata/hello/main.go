// Command hello is the least that runs on Lambda with aws-lambda-go: what the
// artefacts' start is held against.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context) (string, error) { return "hello", nil })
}
