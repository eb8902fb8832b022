/// What a room says to what its people say: pure, so that it can be tested without a server.
module Room

open System

/// Somebody in a room, and how much he has said.
type Member = { Name: string; Said: int }

/// Whom something is told.
type Told =
    | Everybody of string
    | Only of string

let maxName = 20

let private isName (text: string) =
    text <> ""
    && text.Length <= maxName
    && String.forall (fun character -> Char.IsLetterOrDigit character || character = '-') text

let enter (name: string) : Member * Told list =
    { Name = name; Said = 0 }, [ Everybody $"{name} is here" ]

/// The next state of who has said something, and what is told of it.
let say (me: Member) (text: string) : Member * Told list =
    match text.Split(' ', 2, StringSplitOptions.TrimEntries) with
    | [| "/name"; name |] when isName name ->
        { me with Name = name }, [ Everybody $"{me.Name} is {name} now" ]
    | [| "/name"; _ |] -> me, [ Only $"A name has 1 to {maxName} letters, digits and dashes." ]
    | [| "/count" |] -> me, [ Only $"You have said {me.Said} things." ]
    | [| word |]
    | [| word; _ |] when word.StartsWith '/' -> me, [ Only "/name NAME or /count" ]
    | _ -> { me with Said = me.Said + 1 }, [ Everybody $"{me.Name}: {text}" ]

let leave (me: Member) : Told list = [ Everybody $"{me.Name} leaves" ]
