package doctor

import "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"

// Checks are the checks of the target doctor.
func Checks(p Ports) []validate.Check {
	var list []validate.Check
	add := func(used bool, c validate.Check) {
		if used {
			c.Run = bounded(p.Patience, c.Run)
			list = append(list, c)
		}
	}
	add(p.Tools != nil, tools(p.Tools))
	add(p.Disk != nil, disk(p.Disk))
	add(p.Authorities != nil, authorities(p.Authorities))
	add(p.Secrets != nil, secrets(p.Secrets))
	add(p.Engine != nil, engine(p.Engine))
	add(p.Builders != nil, builders(p.Builders))
	add(p.Registry != nil, registry(p.Registry))
	add(p.Cache != nil, cache(p.Cache))
	add(p.Forge != nil, forge(p.Forge))
	add(p.Clone != nil, push(p.Clone))
	add(p.ArgoCD != nil, argocd(p.ArgoCD))
	add(p.Website != nil, website(p.Website, p.ArgoCD))
	return list
}
