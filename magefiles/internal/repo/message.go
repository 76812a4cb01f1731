package repo

// Message is the whole message of a commit, subject included.
func (r *Repo) Message(commit string) (string, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	c, err := r.commit(commit)
	if err != nil {
		return "", err
	}
	return c.Message, nil
}
