// Command hello is the smallest function with aws-lambda-go, the floor of the
// artefacts' start.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context) (string, error) { return "hello", nil })
}
