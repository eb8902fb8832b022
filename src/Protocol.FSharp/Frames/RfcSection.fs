// Where a rule is written down.
namespace FunctionalWs.Protocol

open type System.FormattableString

/// <summary>A section of a standard, such as <c>RFC 6455 §5.2</c>.</summary>
[<StructuredFormatDisplay("{Text}")>]
type RfcSection = {
    /// <summary>The number of the RFC, such as 6455.</summary>
    Rfc: int
    /// <summary>The number of the section in it, such as <c>5.2</c>.</summary>
    Section: string
} with

    member private section.Text: string = Invariant $"RFC {section.Rfc} §{section.Section}"

    /// <summary>As people write it: <c>RFC 6455 §5.2</c>.</summary>
    override section.ToString() = section.Text

type RfcSection with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: RfcSection | null, right: RfcSection | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: RfcSection | null, right: RfcSection | null) : bool =
        not (obj.Equals(left, right))
