package rotation

import (
	"context"
	"errors"
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
	now, err := v.current(ctx)
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
	now, next, err := v.values(ctx)
	if err != nil {
		return "", err
	}
	if v.granted != (grant{}) {
		return "schema, roles and passwords set", v.setGranted(ctx, now)
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

// values reads the current version and the pending one, which may follow it and asks for no more than the tags allow.
func (v version) values(ctx context.Context) (now, next secret, err error) {
	if now, err = v.current(ctx); err != nil {
		return now, next, err
	}
	if next, err = v.pending(ctx); err != nil {
		return now, next, err
	}
	if v.granted != (grant{}) {
		if err := errors.Join(v.granted.covers(now), v.granted.covers(next)); err != nil {
			return now, next, err
		}
	}
	return now, next, next.succeeds(now)
}

// setGranted makes the database of the services and, in one transaction there, all the rest.
func (v version) setGranted(ctx context.Context, now secret) error {
	master, err := v.loginAsMaster(ctx, now)
	if err != nil {
		return err
	}
	defer master.Close(ctx)
	if err := ensureDatabase(ctx, master); err != nil {
		return err
	}
	there := master.Config()
	there.Database = contract.ServiceDatabase
	conn, err := pgx.ConnectConfig(ctx, there)
	if err != nil {
		return fmt.Errorf("log in to database %s: %w", there.Database, err)
	}
	defer conn.Close(ctx)
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return v.setInside(ctx, tx) })
}

// setInside makes whatever the grant's schema lacks, and gives both roles of the secret their passwords: a task that started
// before the first rotation, or before the database was restored, holds the current version. A single role gets the pending one.
func (v version) setInside(ctx context.Context, tx pgx.Tx) error {
	if err := lock(ctx, tx, contract.ServiceDatabase); err != nil {
		return err
	}
	// While this invocation waited, another one may have ended this rotation and begun the next, whose passwords must stay.
	found, err := v.describe(ctx)
	if err != nil {
		return err
	}
	if awaited, err := v.awaited(found); err != nil || !awaited {
		return err
	}
	now, next, err := v.values(ctx)
	if err != nil {
		return err
	}
	hashNow, err1 := verifier(now.Password)
	hashNext, err2 := verifier(next.Password)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := closePublic(ctx, tx); err != nil {
		return err
	}
	if err := v.granted.ensure(ctx, tx); err != nil {
		return err
	}
	if v.granted.single() {
		return alterPassword(ctx, tx, next.Username, hashNext)
	}
	if err := alterPassword(ctx, tx, now.Username, hashNow); err != nil {
		return err
	}
	return follow(ctx, tx, now.Username, next.Username, hashNext)
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
	master, err := v.loginAsMaster(ctx, now)
	if err != nil {
		return err
	}
	defer master.Close(ctx)
	return setAlternate(ctx, master, now.Username, next.Username, hash)
}

// loginAsMaster logs in as the master of a secret's server. While the master's own secret rotates, its pending version is
// what the database accepts.
func (r *Rotator) loginAsMaster(ctx context.Context, of secret) (*pgx.Conn, error) {
	return r.loginWith(ctx, of.Master, func(known secret) error { return known.onServerOf(of) }, currentLabel, pendingLabel)
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
	found, err := v.describe(ctx)
	if err != nil {
		return "", err
	}
	move := &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &v.secret, VersionStage: aws.String(currentLabel), MoveToVersionId: &v.id,
	}
	for id, labels := range found.VersionIdsToStages {
		if slices.Contains(labels, currentLabel) {
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
