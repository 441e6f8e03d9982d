package secrets

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"partnerlens/pkg/core"
)

// maxSecret is far more than a key, or the JSON of all accounts.
const maxSecret = 256 << 10

func fromEnv(getenv func(string) string) Store {
	return func(_ context.Context, ref Reference) (core.Secret, error) {
		value := getenv(ref.Name)
		if value == "" {
			return core.Secret{}, broken("the variable is not set")
		}
		return core.NewSecret(value), nil
	}
}

func fromFile(_ context.Context, ref Reference) (core.Secret, error) {
	file, err := os.Open(ref.Name)
	if err != nil {
		return core.Secret{}, unreadable(err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	switch {
	case err != nil:
		return core.Secret{}, unreadable(err)
	case len(text) > maxSecret:
		return core.Secret{}, broken("the file is larger than %d bytes; is it the right one?", maxSecret)
	}
	return core.NewSecret(string(text)), nil
}

func unreadable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return broken("there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return broken("the file may not be read by this program's user")
	}
	return broken("the file cannot be read")
}
