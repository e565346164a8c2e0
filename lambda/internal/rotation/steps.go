package rotation

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"peakline/lambda/contract"
)

// steps are the steps Secrets Manager asks for, in this order for one version. Each returns what it found or did, for
// the log.
var steps = map[string]func(version, context.Context) (outcome string, err error){
	"createSecret": version.create,
	"setSecret":    version.set,
	"testSecret":   version.test,
	"finishSecret": version.finish,
}

// create stores the pending version. The first value stays: a later step may already have given it to the database.
func (v version) create(ctx context.Context) (string, error) {
	if _, err := v.pending(ctx); !isMissing(err) {
		return "pending version exists", err
	}
	now, err := v.labelled(ctx, v.secret, currentLabel)
	if err != nil {
		return "", err
	}
	password, err := v.Secrets.GetRandomPassword(ctx, &secretsmanager.GetRandomPasswordInput{
		PasswordLength:     aws.Int64(contract.PasswordLength),
		ExcludePunctuation: aws.Bool(true),
	})
	if err != nil {
		return "", fmt.Errorf("generate password: %w", err)
	}
	next, err := now.next(aws.ToString(password.RandomPassword))
	if err != nil {
		return "", err
	}
	_, err = v.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &v.secret, ClientRequestToken: &v.id, SecretString: &next, VersionStages: []string{pendingLabel},
	})
	if isTaken(err) {
		return "pending version was stored by a parallel invocation", nil
	}
	if err != nil {
		return "", fmt.Errorf("store pending version: %w", err)
	}
	return "pending version stored", nil
}

// set makes the database accept the pending version.
func (v version) set(ctx context.Context) (string, error) {
	now, err := v.labelled(ctx, v.secret, currentLabel)
	if err != nil {
		return "", err
	}
	next, err := v.pending(ctx)
	if err != nil {
		return "", err
	}
	if err := next.succeeds(now); err != nil {
		return "", err
	}
	if works, err := v.works(ctx, next); works || err != nil {
		return "database accepts the pending version already", err
	}
	hash, err := verifier(next.Password)
	if err != nil {
		return "", err
	}
	if now.alternating() {
		return "password of the other role set", v.setOther(ctx, now, next, hash)
	}
	return "password of the role set", v.setOwn(ctx, next, hash)
}

// setOwn changes the password of the pending version's role with the role's own rights. It logs in with the current
// version or, where somebody took the database back to it, the previous one.
func (v version) setOwn(ctx context.Context, next secret, hash string) error {
	conn, err := v.loginWith(ctx, v.secret, next.succeeds, currentLabel, previousLabel)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return setPassword(ctx, conn, next.Username, hash)
}

// setOther changes the password of the pending version's role with the master's rights, once the current version has
// proven that whoever wrote the secret could log in as its role.
func (v version) setOther(ctx context.Context, now, next secret, hash string) error {
	works, err := v.works(ctx, now)
	if err != nil {
		return err
	}
	if !works {
		return fmt.Errorf("%w: the database refuses its current version; reset the password of role %q to it", ErrBadSecret, now.Username)
	}
	// While the master's own secret rotates, its pending version is what the database accepts.
	master, err := v.loginWith(ctx, now.Master, func(known secret) error { return known.onServerOf(now) }, currentLabel, pendingLabel)
	if err != nil {
		return err
	}
	defer master.Close(ctx)
	return setAlternate(ctx, master, now.Username, next.Username, hash)
}

// loginWith logs in with the first version of a secret that the database accepts.
func (r *Rotator) loginWith(ctx context.Context, secretID string, allowed func(secret) error, labels ...string) (*pgx.Conn, error) {
	for i, label := range labels {
		known, err := r.labelled(ctx, secretID, label)
		if isMissing(err) && i > 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := allowed(known); err != nil {
			return nil, err
		}
		conn, err := r.login(ctx, known)
		if !isRefused(err) {
			return conn, err
		}
	}
	return nil, fmt.Errorf("%w: the database refuses %v of %s; reset the role's password to the %s version",
		ErrBadSecret, labels, secretID, currentLabel)
}

// test logs in with the pending version and reads.
func (v version) test(ctx context.Context) (string, error) {
	next, err := v.pending(ctx)
	if err != nil {
		return "", err
	}
	conn, err := v.login(ctx, next)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var user string
	if err := conn.QueryRow(ctx, "SELECT session_user").Scan(&user); err != nil {
		return "", fmt.Errorf("read as %q: %w", next.Username, err)
	}
	return "database accepts the pending version", nil
}

// finish makes the pending version the current one. The labels are read anew, for a parallel invocation may have moved
// them since.
func (v version) finish(ctx context.Context) (string, error) {
	labels, err := v.labels(ctx)
	if err != nil {
		return "", err
	}
	move := &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &v.secret, VersionStage: aws.String(currentLabel), MoveToVersionId: &v.id,
	}
	for id, found := range labels {
		if slices.Contains(found, currentLabel) {
			move.RemoveFromVersionId = aws.String(id)
		}
	}
	if aws.ToString(move.RemoveFromVersionId) == v.id {
		return "this version is current already", nil
	}
	if _, err := v.Secrets.UpdateSecretVersionStage(ctx, move); err != nil {
		return "", fmt.Errorf("move %s to this version: %w", currentLabel, err)
	}
	return "this version is current now", nil
}
