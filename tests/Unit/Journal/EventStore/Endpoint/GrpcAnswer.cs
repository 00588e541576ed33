using Gateway.Host.Journal.EventStore;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;

namespace Gateway.Unit.Journal.EventStore.Endpoint;

/// <summary>The server's side of one call: messages in and out, and the status at the end, spoilt when a fault says so.</summary>
internal sealed class GrpcAnswer(HttpContext context)
{
    private bool _begun;

    public Fault Fault { get; set; }

    public async Task<T?> ReceiveAsync<T>(MessageParser<T> parser)
        where T : class, IMessage<T> =>
        await GrpcFrames.ReadAsync(context.Request.Body, context.RequestAborted) is { } message ? parser.ParseFrom(message) : null;

    public async Task SendAsync(IMessage message)
    {
        switch (Fault)
        {
            case Fault.BreakAfter:
                context.Abort();
                throw new OperationCanceledException();
            case Fault.HangAfter:
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
                break;
        }

        Begin();
        var frame = GrpcFrames.Write(message);
        if (Fault == Fault.HalfAnswer)
        {
            await context.Response.Body.WriteAsync(frame.AsMemory(0, frame.Length / 2), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            context.Abort();
            throw new OperationCanceledException();
        }

        await context.Response.Body.WriteAsync(frame, context.RequestAborted);
    }

    public Task FlushAsync() => context.Response.Body.FlushAsync(context.RequestAborted);

    /// <summary>Headers are sent even when there is no message, as servers do for a subscription.</summary>
    public async Task BeginAsync()
    {
        Begin();
        await context.Response.StartAsync(context.RequestAborted);
    }

    public Task EndAsync()
    {
        Begin();
        if (Fault != Fault.NoStatus) context.Response.AppendTrailer("grpc-status", "0");
        return Task.CompletedTask;
    }

    /// <summary>Without any message before it, all of it is in the headers.</summary>
    public Task FailAsync(GrpcStatus status, string message, params (string Name, string Value)[] more)
    {
        context.Response.ContentType = "application/grpc";
        foreach (var (name, value) in new[] { ("grpc-status", $"{(int)status}"), ("grpc-message", Uri.EscapeDataString(message)) }.Concat(more))
        {
            if (_begun) context.Response.AppendTrailer(name, value);
            else context.Response.Headers[name] = value;
        }

        return Task.CompletedTask;
    }

    private void Begin()
    {
        if (_begun) return;
        _begun = true;
        context.Response.ContentType = "application/grpc";
    }
}
