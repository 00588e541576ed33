using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Gateway.Host.Bus;

/// <summary>Where an answer goes: a queue, through the default exchange.</summary>
/// <param name="IsDirect">
/// RabbitMQ's direct reply-to: no queue, so a mandatory message to it would come back although it was delivered.
/// </param>
internal readonly record struct ReplyAddress(string Queue, bool IsDirect)
{
    private const string Direct = "amq.rabbitmq.reply-to.";

    /// <summary>False for what cannot be a sender's own queue; the gateways' queues are among that, so that no answer becomes a command.</summary>
    public static bool TryParse(string? replyTo, [NotNullWhen(true)] out ReplyAddress? address)
    {
        address = null;
        // AMQP 0-9-1 §1.1: a queue name is a short string, up to 255 octets.
        if (string.IsNullOrEmpty(replyTo) || Encoding.UTF8.GetByteCount(replyTo) > 255 || replyTo.Any(char.IsControl)) return false;
        if (replyTo.StartsWith("gateway.", StringComparison.Ordinal)) return false;
        address = new ReplyAddress(replyTo, replyTo.StartsWith(Direct, StringComparison.Ordinal));
        return true;
    }
}
