namespace FunctionalWs;

/// <summary>
/// Thrown when no URL can be built: the endpoint isn't known, a value is missing, or one doesn't suit the rule. The message
/// says which, and names the closest endpoint.
/// </summary>
/// <param name="message">What is wrong.</param>
public sealed class UrlBuildException(string message) : Exception(message);
