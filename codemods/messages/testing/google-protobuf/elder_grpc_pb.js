// GENERATED CODE -- DO NOT EDIT!

'use strict';
var grpc = require('@grpc/grpc-js');
var elder_pb = require('./elder_pb.js');

function serialize_elder_v1_Chest(arg) {
  if (!(arg instanceof elder_pb.Chest)) {
    throw new Error('Expected argument of type elder.v1.Chest');
  }
  return Buffer.from(arg.serializeBinary());
}

function deserialize_elder_v1_Chest(buffer_arg) {
  return elder_pb.Chest.deserializeBinary(new Uint8Array(buffer_arg));
}

function serialize_elder_v1_Lines(arg) {
  if (!(arg instanceof elder_pb.Lines)) {
    throw new Error('Expected argument of type elder.v1.Lines');
  }
  return Buffer.from(arg.serializeBinary());
}

function deserialize_elder_v1_Lines(buffer_arg) {
  return elder_pb.Lines.deserializeBinary(new Uint8Array(buffer_arg));
}


var ElderService = exports.ElderService = {
askIt: {
    path: '/elder.v1.Elder/AskIt',
    requestStream: false,
    responseStream: false,
    requestType: elder_pb.Chest,
    responseType: elder_pb.Lines,
    requestSerialize: serialize_elder_v1_Chest,
    requestDeserialize: deserialize_elder_v1_Chest,
    responseSerialize: serialize_elder_v1_Lines,
    responseDeserialize: deserialize_elder_v1_Lines,
  },
fillIt: {
    path: '/elder.v1.Elder/FillIt',
    requestStream: false,
    responseStream: false,
    requestType: elder_pb.Chest,
    responseType: elder_pb.Chest,
    requestSerialize: serialize_elder_v1_Chest,
    requestDeserialize: deserialize_elder_v1_Chest,
    responseSerialize: serialize_elder_v1_Chest,
    responseDeserialize: deserialize_elder_v1_Chest,
  },
};

exports.ElderClient = grpc.makeGenericClientConstructor(ElderService);
