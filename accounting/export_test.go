package accounting

// Remembered is what f holds for the sake of restarts.
func Remembered(f *Fold) int { return len(f.admissions) + len(f.marks) }
