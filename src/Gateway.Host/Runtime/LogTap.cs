using Gateway.Host.Vici.Server;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Display;

namespace Gateway.Host.Runtime;

/// <summary>Gives every line of the log to those who follow it.</summary>
internal sealed class LogTap : ILogEventSink
{
    private static readonly MessageTemplateTextFormatter _format = new("{Message:lj}", System.Globalization.CultureInfo.InvariantCulture);

    private readonly Followers<LogLine> _followers = new();

    public IDisposable Follow(Action<LogLine> onLine) => _followers.Follow(onLine);

    public void Emit(LogEvent logEvent)
    {
        if (!_followers.Any) return;
        var area = logEvent.Properties.TryGetValue(Constants.SourceContextPropertyName, out var context) && context is ScalarValue { Value: string name } ? name : "host";
        _followers.Tell(new LogLine(area, Level(logEvent.Level), () => Text(logEvent)));
    }

    private static string Text(LogEvent logEvent)
    {
        using var writer = new StringWriter(System.Globalization.CultureInfo.InvariantCulture);
        _format.Format(logEvent, writer);
        return writer.ToString();
    }

    private static LogLevel Level(LogEventLevel level) => level switch
    {
        LogEventLevel.Verbose or LogEventLevel.Debug => LogLevel.Debug,
        LogEventLevel.Information => LogLevel.Information,
        LogEventLevel.Warning => LogLevel.Warning,
        _ => LogLevel.Error,
    };
}
