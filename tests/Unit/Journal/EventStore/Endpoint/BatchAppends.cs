using Gateway.Host.Journal.EventStore;
using Gateway.Host.Journal.EventStore.Contract;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;
using Empty = Gateway.Host.Journal.EventStore.Contract.Empty;
using Status = Gateway.Host.Journal.EventStore.Contract.Status;

namespace Gateway.Unit.Journal.EventStore.Endpoint;

/// <summary>Many appends on one call, told apart by correlation id: what the store's clients prefer.</summary>
internal static class BatchAppends
{
    public static async Task ServeAsync(HttpContext context, GrpcAnswer answer, StoreState state, int maxAppendSize)
    {
        var open = new Dictionary<string, (BatchAppendReq.Types.Options Options, List<KeptEvent> Events)>();
        await answer.BeginAsync();
        while (await answer.ReceiveAsync(BatchAppendReq.Parser) is { } request)
        {
            var id = Kept.Text(request.CorrelationId);
            if (request.Options is not null) open[id] = (request.Options, []);
            if (!open.TryGetValue(id, out var batch)) throw new InvalidDataException("A batch without options.");
            batch.Events.AddRange(request.ProposedMessages.Select(m => Kept.Of(m.Id, m.Metadata, m.CustomMetadata, m.Data)));
            if (!request.IsFinal) continue;
            open.Remove(id);
            var response = Append(state, batch.Options, batch.Events, maxAppendSize);
            response.CorrelationId = request.CorrelationId;
            response.StreamIdentifier = batch.Options.StreamIdentifier;
            await answer.SendAsync(response);
            await answer.FlushAsync();
        }

        await answer.EndAsync();
        _ = context;
    }

    private static BatchAppendResp Append(StoreState state, BatchAppendReq.Types.Options options, List<KeptEvent> events, int maxAppendSize)
    {
        var stream = options.StreamIdentifier.StreamName.ToStringUtf8();
        if (state.IsDeleted(stream)) return Error(GrpcStatus.FailedPrecondition, new StreamDeleted { StreamIdentifier = options.StreamIdentifier });
        if (events.Sum(e => e.Data.Length + e.Metadata.Length) > maxAppendSize) return Error(GrpcStatus.InvalidArgument, new MaximumAppendSizeExceeded { MaxAppendSize = (uint)maxAppendSize });
        var expected = options.ExpectedStreamPositionCase switch
        {
            BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.StreamPosition => (long)options.StreamPosition,
            BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.NoStream => -1,
            BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.StreamExists => -4,
            _ => -2,
        };
        var result = state.Append(stream, expected, events);
        if (result.Ok)
        {
            return new BatchAppendResp
            {
                Success = new BatchAppendResp.Types.Success { CurrentRevision = (ulong)result.Revision, Position = new AllStreamPosition { CommitPosition = result.Position, PreparePosition = result.Position } },
            };
        }

        var wrong = new WrongExpectedVersion();
        if (result.Revision < 0) wrong.CurrentNoStream = new Empty();
        else wrong.CurrentStreamRevision = (ulong)result.Revision;
        if (expected >= 0) wrong.ExpectedStreamPosition = (ulong)expected;
        else if (expected == -1) wrong.ExpectedNoStream = new Empty();
        else wrong.ExpectedStreamExists = new Empty();
        return Error(GrpcStatus.Unknown, wrong);
    }

    private static BatchAppendResp Error(GrpcStatus code, IMessage details) => new() { Error = new Status { Code = (int)code, Message = details.Descriptor.Name, Details = Any.Pack(details) } };
}
