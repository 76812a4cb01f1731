package repo

// Message is what a commit says, subject and all.
func (r *Repo) Message(commit string) (string, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	c, err := r.commit(commit)
	if err != nil {
		return "", err
	}
	return c.Message, nil
}
