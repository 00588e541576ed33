using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Gateway.Policy.Commands;
using Gateway.Policy.Items.Reading;

namespace Gateway.Host.Bus.Replay;

/// <summary>Asks for events once more: <c>{"from":120,"to":500}</c> or <c>{"from":120,"limit":100}</c>. The answer goes to <c>reply_to</c>.</summary>
public sealed record ReplayRequest
{
    /// <summary>Octets of a request.</summary>
    public const int MaxBytes = 1024;

    /// <summary>Events of one answer; who wants more asks again from <c>next</c>.</summary>
    public const int MaxEvents = 10_000;

    /// <summary>The first position wanted, 1 or more.</summary>
    [Range(1, long.MaxValue)]
    public required long From { get; init; }

    /// <summary>The last position wanted; left out: to the end.</summary>
    [Range(1, long.MaxValue)]
    public long? To { get; init; }

    /// <summary>At most so many events, 1–10,000.</summary>
    [Range(1, MaxEvents)]
    public int? Limit { get; init; }

    /// <summary>Never throws; an error never repeats what is in the message.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> message, [NotNullWhen(true)] out ReplayRequest? request, [NotNullWhen(false)] out ReplayError? error)
    {
        (request, error) = (null, null);
        if (message.Length > MaxBytes)
        {
            error = new ReplayError(ErrorCode.TooLarge, $"A request has at most {MaxBytes} octets.");
            return false;
        }

        var errors = new ErrorList();
        try
        {
            request = StrictJson.Read<ReplayRequest>(JsonElement.Parse(message), new ErrorScope(errors, "", "$"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            error = new ReplayError(ErrorCode.MalformedJson, "This is not JSON.");
            return false;
        }

        if (request is null)
        {
            var first = errors.ToValueList()[0];
            error = new ReplayError(first.Code, $"{first.Path}: {first.Message}");
        }
        else if (request.To < request.From)
        {
            (request, error) = (null, new ReplayError(ErrorCode.OutOfRange, "$.to: It lies before 'from'."));
        }

        return request is not null;
    }
}

/// <summary>Why there is no answer.</summary>
/// <param name="Code">A code of <c>docs/errors.md</c>.</param>
public sealed record ReplayError(string Code, string Message);
