package call

// Drains tells how many calls go on without their client.
func (e *Engine) Drains() int64 { return e.drains.Load() }

// MaxDrains is the bound of [Engine.Drains].
const MaxDrains = maxDrains
