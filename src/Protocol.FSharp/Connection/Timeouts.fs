// How long things may take, what is due at a time, and what is told of a connection to find that out.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open type System.FormattableString

[<Sealed; AllowNullLiteral(false)>]
type Timeouts
    private
    (
        opening: TimeSpan,
        closing: TimeSpan,
        pingInterval: TimeSpan,
        ping: TimeSpan,
        message: TimeSpan,
        sending: TimeSpan
    ) =

    static let never =
        Timeouts(
            TimeSpan.MaxValue,
            TimeSpan.MaxValue,
            TimeSpan.MaxValue,
            TimeSpan.MaxValue,
            TimeSpan.MaxValue,
            TimeSpan.MaxValue
        )

    static let positive (name: string) (value: TimeSpan) : TimeSpan =
        if value <= TimeSpan.Zero then
            raise (ArgumentOutOfRangeException(name, value, "A timeout is longer than zero."))

        value

    static member Never: Timeouts = never

    member _.Opening: TimeSpan = opening

    member _.Closing: TimeSpan = closing

    member _.PingInterval: TimeSpan = pingInterval

    member _.Ping: TimeSpan = ping

    member _.Message: TimeSpan = message

    member _.Sending: TimeSpan = sending

    member private _.All: struct (TimeSpan * TimeSpan * TimeSpan * TimeSpan * TimeSpan * TimeSpan) =
        opening, closing, pingInterval, ping, message, sending

    override timeouts.Equals(other: obj | null) : bool =
        match other with
        | :? Timeouts as other -> timeouts.All = other.All
        | _ -> false

    override timeouts.GetHashCode() : int = hash timeouts.All

    override _.ToString() : string =
        let limit (name: string) (value: TimeSpan) : string list =
            if value = TimeSpan.MaxValue then
                []
            else
                [ name + " " + value.ToString("c", CultureInfo.InvariantCulture) ]

        let all =
            List.concat [
                limit "opening" opening
                limit "closing" closing
                limit "ping every" pingInterval
                limit "answered within" ping
                limit "message" message
                limit "sending" sending
            ]

        if all.IsEmpty then "no limits" else String.Join(", ", all)

    member _.WithOpening(value: TimeSpan) : Timeouts =
        Timeouts(positive (nameof value) value, closing, pingInterval, ping, message, sending)

    member _.WithClosing(value: TimeSpan) : Timeouts =
        Timeouts(opening, positive (nameof value) value, pingInterval, ping, message, sending)

    member _.WithPing(interval: TimeSpan, timeout: TimeSpan) : Timeouts =
        Timeouts(
            opening,
            closing,
            positive (nameof interval) interval,
            positive (nameof timeout) timeout,
            message,
            sending
        )

    member _.WithMessage(value: TimeSpan) : Timeouts =
        Timeouts(opening, closing, pingInterval, ping, positive (nameof value) value, sending)

    member _.WithSending(value: TimeSpan) : Timeouts =
        Timeouts(opening, closing, pingInterval, ping, message, positive (nameof value) value)

[<Struct; RequireQualifiedAccess>]
type Overdue =
    | Opening
    | Closing
    | Ping
    | Message
    | Sending

    // Not the compiler's, which formats by reflection: native code has none.
    override overdue.ToString() : string =
        match overdue with
        | Overdue.Opening -> nameof Overdue.Opening
        | Overdue.Closing -> nameof Overdue.Closing
        | Overdue.Ping -> nameof Overdue.Ping
        | Overdue.Message -> nameof Overdue.Message
        | Overdue.Sending -> nameof Overdue.Sending

[<Struct; RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type Due =
    | Nothing
    | Ping
    | Passed of Limit: Overdue

    member private due.Shown: string =
        match due with
        | Due.Nothing -> nameof Due.Nothing
        | Due.Ping -> nameof Due.Ping
        | Due.Passed limit -> Invariant $"{nameof Due.Passed} {limit}"

    override due.ToString() : string = due.Shown

[<Struct; StructuredFormatDisplay("{Shown}")>]
type Traffic = {
    Received: int64
    Messages: int64
    Taken: int64
    Untaken: int64
    Sent: int64
    IsSending: bool
    Unread: int64
} with

    member private traffic.Shown: string =
        let sending = if traffic.IsSending then ", sending" else ""

        Invariant
            $"{Words.bytes traffic.Received} received, {traffic.Unread} unread; messages {traffic.Messages}; "
        + Invariant $"sent {traffic.Sent}, taken {traffic.Taken}, {traffic.Untaken} untaken{sending}"

    override traffic.ToString() : string = traffic.Shown

type Timeouts with

    static member op_Equality(left: Timeouts | null, right: Timeouts | null) : bool = obj.Equals(left, right)

    static member op_Inequality(left: Timeouts | null, right: Timeouts | null) : bool =
        not (obj.Equals(left, right))

type Overdue with

    static member op_Equality(left: Overdue, right: Overdue) : bool = left.Equals right

    static member op_Inequality(left: Overdue, right: Overdue) : bool = not (left.Equals right)

type Due with

    static member op_Equality(left: Due, right: Due) : bool = left.Equals right

    static member op_Inequality(left: Due, right: Due) : bool = not (left.Equals right)

type Traffic with

    static member op_Equality(left: Traffic, right: Traffic) : bool = left.Equals right

    static member op_Inequality(left: Traffic, right: Traffic) : bool = not (left.Equals right)
