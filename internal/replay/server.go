package replay

import "errors"

func (s *scenario) serverStop(in invocation) error {
	if err := s.ownAnd(in); err != nil {
		return err
	}
	return s.server.Halt(in.ctx)
}

func (s *scenario) serverStart(in invocation) error {
	if err := s.ownAnd(in); err != nil {
		return err
	}
	return s.server.Resume(in.ctx)
}

func (s *scenario) serverRestart(in invocation) error {
	if err := s.serverStop(in); err != nil {
		return err
	}
	return s.server.Resume(in.ctx)
}

// ownAnd checks that the command may touch the server, and has no arguments.
func (s *scenario) ownAnd(in invocation) error {
	switch {
	case len(in.args) > 0:
		return errUsage
	case !s.own:
		return errors.New(`other scenarios use this server too; say "# server: own" in the script to have one`)
	}
	return nil
}
