namespace FunctionalWs.Fuzz

/// Something to be fed with bytes.
type Target = {
    Name: string
    /// What is in the bytes, for people.
    About: string
    /// Words of the language that the bytes are in.
    Words: byte[][]
    /// The longest input.
    MaxSize: int
    /// Makes an input that is right, or nearly so.
    Generate: Dice -> byte[]
    /// Changes an input and keeps its structure.
    Mutate: Dice -> byte[] -> byte[]
    /// Runs an input: raises an exception when a rule is broken, else notes what it went through.
    Execute: Trail -> byte[] -> unit
}
