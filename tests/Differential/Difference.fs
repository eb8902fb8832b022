namespace FunctionalWs.Differential

open System

/// In what a server's view of a stream isn't ours; all words are those of the list of known differences.
type Difference = {
    Peer: string
    /// The rule that was broken, as our server names it, or the head that was sent, "-" for none; then what is peculiar about the stream.
    Causes: string list
    Ours: string
    Theirs: string
    /// Whether they got the same messages, these and more, a part of them from the first on, or others.
    Messages: string
    /// The same for pongs, where a part may be any; "coalesced" if they aren't the same, but the last one is.
    Pongs: string
} with

    override this.ToString() =
        let causes = String.Join('+', this.Causes)
        $"{this.Peer} | {causes} | {this.Ours} > {this.Theirs} | {this.Messages} | {this.Pongs}"

module Difference =

    let private isPrefix (whole: string list) (part: string list) =
        part.Length <= whole.Length && List.take part.Length whole = part

    let rec private isSubsequence (whole: string list) (part: string list) =
        match whole, part with
        | _, [] -> true
        | [], _ -> false
        | first :: whole, wanted :: rest when first = wanted -> isSubsequence whole rest
        | _ :: whole, part -> isSubsequence whole part

    let private word (isPart: string list -> string list -> bool) (ours: string list) (theirs: string list) =
        if ours = theirs then "same"
        elif isPart theirs ours then "more"
        elif isPart ours theirs then "fewer"
        else "other"

    let private pongsWord (ours: string list) (theirs: string list) =
        match word isSubsequence ours theirs with
        | "same" -> "same"
        | _ when not ours.IsEmpty && List.tryLast ours = List.tryLast theirs -> "coalesced"
        | other -> other

    let private endWord (observation: Observation) =
        String.Join('+', string observation.End :: observation.Oddities)

    /// Whether a server fails a connection before it ends is a race with a client who doesn't wait for it. Only what both tell can be compared.
    let private isComparable (ending: Ending) (ours: Observation) (theirs: Observation) =
        match ending, ours.End, theirs.End with
        | Ending.Marked, _, _
        | Ending.Cut, End.Closed _, End.Closed _ -> true
        | Ending.Cut, _, _ -> not (theirs.Oddities.IsEmpty && theirs.End <> End.Endless)

    let private isOpened (observation: Observation) =
        match observation.End with
        | End.Refused _
        | End.Unanswered
        | End.Gone -> false
        | _ -> true

    /// One lets in whom the other doesn't, or they say different things to whom they don't.
    let private ofOpening (stream: ByteStream) (ours: Observation) (peer: string) (theirs: Observation) =
        let word (observation: Observation) =
            if isOpened observation then
                "opened"
            else
                string observation.End

        {
            Peer = peer
            Causes = [ stream.Name.Replace(' ', '-') ]
            Ours = word ours
            Theirs = word theirs
            Messages = "same"
            Pongs = "same"
        }

    let private ofTalk (stream: ByteStream) (ours: Observation) (peer: string) (theirs: Observation) =
        let _, ending = ByteStream.bytes stream
        let isComparable = isComparable ending ours theirs

        {
            Peer = peer
            Causes = [ ours.Cause ]
            Ours = if isComparable then endWord ours else "cut"
            Theirs = if isComparable then endWord theirs else "cut"
            Messages = word isPrefix ours.Messages theirs.Messages
            Pongs =
                if ending = Ending.Cut then
                    "same"
                else
                    pongsWord ours.Pongs theirs.Pongs
        }

    let private isSame (difference: Difference) =
        difference.Ours = difference.Theirs
        && difference.Messages = "same"
        && difference.Pongs = "same"

    /// None if they are of one opinion.
    let between
        (stream: ByteStream)
        (ours: Observation)
        (peer: string)
        (theirs: Observation)
        : Difference option =
        if isOpened ours && isOpened theirs then
            let difference = ofTalk stream ours peer theirs

            if isSame difference then
                None
            else
                Some {
                    difference with
                        Causes = difference.Causes @ Peculiarity.find stream
                }
        else
            let difference = ofOpening stream ours peer theirs
            if isSame difference then None else Some difference
