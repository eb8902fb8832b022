namespace FunctionalWs;

/// <summary>Why a payload is no value of a type.</summary>
/// <param name="Error">What the serializer threw; null for a <c>null</c>, which it takes.</param>
/// <param name="IsJson">True for JSON of another shape.</param>
internal readonly record struct JsonMisfit(Exception? Error, bool IsJson);
