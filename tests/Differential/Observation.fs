namespace FunctionalWs.Differential

/// How a connection ended, as its client saw it.
[<RequireQualifiedAccess>]
type End =
    /// The opening handshake was refused with this status.
    | Refused of Status: int
    /// The opening handshake was not answered.
    | Unanswered
    /// The server was ready for more: it has answered the last ping and the last close frame.
    | Open
    /// With the server's close frame; 1005 for one without a code.
    | Closed of Code: int
    /// Without a close frame.
    | Dropped
    /// It has not ended within the time.
    | Endless
    /// There is no such server any more.
    | Gone

    override this.ToString() =
        match this with
        | Refused status -> $"refused-{status}"
        | Unanswered -> "unanswered"
        | Open -> "open"
        | Closed code -> string code
        | Dropped -> "dropped"
        | End.Endless -> "endless"
        | End.Gone -> "gone"

/// What a server made of a stream.
type Observation = {
    End: End
    /// What its handler was given: kind, length, beginning of the SHA-256.
    Messages: string list
    /// Payloads of pongs, in hexadecimal digits.
    Pongs: string list
    /// What no server may do, such as a masked frame or one behind its close frame.
    Oddities: string list
    /// The rule that the client broke, as our server names it; "-" for none, and for servers that don't tell.
    Cause: string
} with

    override this.ToString() =
        let list (items: string list) =
            if items.IsEmpty then
                "none"
            else
                System.String.Join(' ', items)

        let odd =
            if this.Oddities.IsEmpty then
                ""
            else
                $", odd: {list this.Oddities}"

        let cause = if this.Cause = "-" then "" else $" ({this.Cause})"
        $"end {this.End}{cause}, messages {list this.Messages}, pongs {list this.Pongs}{odd}"
